#!/usr/bin/python3
"""What python3-lxc, which was written for LXC's library, does with berth's.

usage: LD_LIBRARY_PATH=BUILD/lib python_lxc.py LXCPATH PREFIX
Works in LXCPATH; every container is named PREFIX..., and none is left. With LXC's own library it passes too, where LXC can do it.
"""
import os
import pathlib
import subprocess
import sys
import threading
import unittest

import lxc

LXCPATH, PREFIX = sys.argv[1], sys.argv[2]
BERTH = "berth" in pathlib.Path("/proc/self/maps").read_text().partition("liblxc.so")[0].rpartition("\n")[2] or any(
    "liblxc.so" in line and "/usr/lib/" not in line for line in open("/proc/self/maps"))
only_berth = unittest.skipUnless(BERTH, "LXC does otherwise")


def container(name="c"):
    return lxc.Container(PREFIX + name, LXCPATH)


class WithContainer(unittest.TestCase):
    """A busybox container that is created once and running in every test."""

    @classmethod
    def setUpClass(cls):
        cls.c = container()
        assert cls.c.set_config_item("lxc.net.0.type", "empty")
        assert cls.c.set_config_item("lxc.tty.max", "2")
        assert cls.c.create("busybox", lxc.LXC_CREATE_QUIET if hasattr(lxc, "LXC_CREATE_QUIET") else 1)
        assert cls.c.start()
        assert cls.c.wait("RUNNING", 10)

    @classmethod
    def tearDownClass(cls):
        cls.c.stop()
        assert cls.c.destroy()
        assert not os.path.exists(os.path.join(LXCPATH, cls.c.name))

    def output(self, function, argument=None, **options):
        """What the function, run in the container, writes to its standard output, and its status."""
        reader, writer = os.pipe()
        with os.fdopen(writer, "w") as out:
            status = self.c.attach_wait(function, argument, stdout=out, **options)
        with os.fdopen(reader) as source:
            return source.read(), status


class Life(WithContainer):
    def test_is_what_it_should_be(self):
        self.assertTrue(self.c.defined)
        self.assertTrue(self.c.running)
        self.assertTrue(self.c.controllable)
        self.assertEqual(self.c.state, "RUNNING")
        self.assertGreater(self.c.init_pid, 1)
        self.assertEqual(self.c.config_file_name, f"{LXCPATH}/{self.c.name}/config")
        self.assertIn(self.c.name, lxc.list_containers(config_path=LXCPATH))
        self.assertIn(self.c.name, lxc.list_containers(defined=False, config_path=LXCPATH))

    def test_the_monitor_is_nobodys_child(self):
        monitor = int(pathlib.Path(f"/proc/{self.c.init_pid}/stat").read_text().rpartition(")")[2].split()[1])
        parent = int(pathlib.Path(f"/proc/{monitor}/stat").read_text().rpartition(")")[2].split()[1])
        self.assertNotEqual(parent, os.getpid())
        with self.assertRaises(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)

    def test_freeze(self):
        self.assertTrue(self.c.freeze())
        self.assertEqual(self.c.state, "FROZEN")
        self.assertTrue(self.c.unfreeze())
        self.assertEqual(self.c.state, "RUNNING")

    def test_wait_without_reaching(self):
        self.assertFalse(self.c.wait("STOPPED", 0))
        self.assertFalse(self.c.wait("NONSENSE", 0))

    def test_stop_and_start(self):
        self.assertTrue(self.c.stop())
        self.assertTrue(self.c.wait("STOPPED", 5))
        self.assertFalse(self.c.running)
        self.assertEqual(self.c.init_pid, -1)
        self.assertTrue(self.c.start())
        self.assertTrue(self.c.shutdown(20))
        self.assertEqual(self.c.state, "STOPPED")
        self.assertTrue(self.c.start(cmd=("/bin/sleep", "1000")))
        self.assertEqual(pathlib.Path(f"/proc/{self.c.init_pid}/cmdline").read_bytes(), b"/bin/sleep\x001000\x00")
        self.assertTrue(self.c.stop())
        self.assertTrue(self.c.start())

    def test_a_second_start_fails(self):
        self.assertFalse(self.c.start())

    def test_destroy_is_refused_while_it_runs(self):
        self.assertFalse(lxc.Container(self.c.name, LXCPATH).destroy())
        self.assertTrue(self.c.running)

    def test_from_threads(self):
        results = []

        def work(index):
            one = lxc.Container(self.c.name, LXCPATH)
            for _ in range(20):
                results.append(one.state == "RUNNING" and one.attach_wait(lxc.attach_run_command, ["true"]) == 0)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(results, [True] * 80)


class Attach(WithContainer):
    def test_command(self):
        self.assertEqual(self.c.attach_wait(lxc.attach_run_command, ["true"]), 0)
        self.assertEqual(os.waitstatus_to_exitcode(self.c.attach_wait(lxc.attach_run_command, ["sh", "-c", "exit 7"])), 7)

    def test_command_that_does_not_exist(self):
        self.assertEqual(os.waitstatus_to_exitcode(self.c.attach_wait(lxc.attach_run_command, ["no-such-program"])), 127)

    def test_command_with_its_output(self):
        text, status = self.output(lxc.attach_run_command, ["hostname"])
        self.assertEqual((text, status), (self.c.name + "\n", 0))

    def test_function(self):
        def inside(_):
            print(os.uname().nodename, os.getpid() < 1000 or os.getpid(), os.path.exists("/sbin/init"), flush=True)
            return 5

        text, status = self.output(inside)
        name, pid, has_init = text.split()
        self.assertEqual((name, has_init), (self.c.name, "True"))
        self.assertEqual(os.waitstatus_to_exitcode(status), 5)

    def test_function_with_argument_and_subprocess(self):
        def inside(words):
            return subprocess.call(words)

        self.assertEqual(os.waitstatus_to_exitcode(self.c.attach_wait(inside, ["sh", "-c", "exit 3"])), 3)

    def test_function_is_in_the_groups_and_namespaces(self):
        def inside(_):
            print(open("/proc/self/cgroup").read(), os.readlink("/proc/self/ns/pid"), flush=True)

        text, _ = self.output(inside)
        self.assertNotIn(os.readlink("/proc/self/ns/pid"), text)
        init = pathlib.Path(f"/proc/{self.c.init_pid}/cgroup").read_text()
        for line in init.splitlines():
            self.assertIn(line.split(":")[1], text)

    def test_environment(self):
        os.environ["BERTH_TEST_HOST"] = "1"
        try:
            text, _ = self.output(lxc.attach_run_command, ["env"], extra_env_vars=["A=b"])
            self.assertIn("A=b", text.splitlines())
            self.assertIn("BERTH_TEST_HOST=1", text.splitlines())
            self.assertIn("container=lxc", text.splitlines())
            text, _ = self.output(lxc.attach_run_command, ["env"], env_policy=lxc.LXC_ATTACH_CLEAR_ENV)
            self.assertNotIn("BERTH_TEST_HOST=1", text.splitlines())
            text, _ = self.output(lxc.attach_run_command, ["env"], env_policy=lxc.LXC_ATTACH_CLEAR_ENV,
                                  extra_keep_env=["BERTH_TEST_HOST"])
            self.assertIn("BERTH_TEST_HOST=1", text.splitlines())
        finally:
            del os.environ["BERTH_TEST_HOST"]

    def test_environment_of_a_function(self):
        def inside(_):
            # Python keeps a copy of its own: a program sees what the library set.
            return subprocess.call(["sh", "-c", 'test "$A" = b -a "$container" = lxc'], env=None) or 0

        status = self.c.attach_wait(lxc.attach_run_command, ["sh", "-c", 'test "$A" = b'], extra_env_vars=["A=b"])
        self.assertEqual(status, 0)

    def test_namespaces_ids_and_directory(self):
        text, _ = self.output(lxc.attach_run_command, ["sh", "-c", "id -u; id -g; pwd"], uid=33, gid=44, initial_cwd="/tmp")
        self.assertEqual(text.split(), ["33", "44", "/tmp"])
        text, _ = self.output(lxc.attach_run_command, ["hostname"], namespaces=lxc.CLONE_NEWUTS, attach_flags=0)
        self.assertEqual(text.strip(), self.c.name)

    def test_attach_without_wait(self):
        pid = self.c.attach(lxc.attach_run_command, ["sleep", "1000"])
        self.assertGreater(pid, 0)
        os.kill(pid, 9)
        self.assertEqual(os.waitpid(pid, 0)[1], 9)


class Live(WithContainer):
    def test_console(self):
        reader = self.c.console_getfd(1)
        self.assertGreaterEqual(reader, 0)
        os.close(reader)

    def test_interfaces_and_addresses(self):
        self.assertEqual(self.c.get_interfaces(), ("lo",))
        self.assertEqual(self.c.attach_wait(lxc.attach_run_command, ["ip", "link", "add", "d0", "type", "veth", "peer", "name", "d1"]), 0)
        self.assertEqual(self.c.attach_wait(lxc.attach_run_command, ["ip", "addr", "add", "10.9.8.7/24", "dev", "d0"]), 0)
        self.assertEqual(self.c.attach_wait(lxc.attach_run_command, ["ip", "link", "set", "d0", "up"]), 0)
        self.assertLessEqual({"d0", "lo"}, set(self.c.get_interfaces()))
        self.assertEqual(self.c.get_ips(), ("10.9.8.7",))
        self.assertEqual(self.c.get_ips(interface="d0", family="inet"), ("10.9.8.7",))

    def test_control_group_items(self):
        item = "pids.max" if os.path.isdir("/sys/fs/cgroup/pids") else "cpu.shares"
        self.assertTrue(self.c.set_cgroup_item(item, "77"))
        self.assertEqual(self.c.get_cgroup_item(item), "77")
        with self.assertRaises(KeyError):
            self.c.get_cgroup_item("no.such.file")

    def test_device_nodes(self):
        self.assertTrue(self.c.add_device_node("/dev/fuse" if os.path.exists("/dev/fuse") else "/dev/kmsg", "/dev/berth-test"))
        self.assertEqual(self.c.attach_wait(lxc.attach_run_command, ["test", "-c", "/dev/berth-test"]), 0)
        self.assertTrue(self.c.remove_device_node("/dev/fuse" if os.path.exists("/dev/fuse") else "/dev/kmsg", "/dev/berth-test"))
        self.assertNotEqual(self.c.attach_wait(lxc.attach_run_command, ["test", "-e", "/dev/berth-test"]), 0)

    def test_running_configuration(self):
        self.assertEqual(self.c.get_running_config_item("lxc.net.0.type"), "empty")
        self.assertIsNone(self.c.get_running_config_item("lxc.no.such.key"))

    def test_reboot(self):
        before = self.c.init_pid
        self.assertTrue(self.c.reboot())
        self.assertTrue(self.c.wait("RUNNING", 20))
        self.assertTrue(before > 0)


class Configuration(unittest.TestCase):
    def test_items(self):
        c = container("conf")
        self.assertTrue(c.set_config_item("lxc.uts.name", "foo"))
        self.assertEqual(c.get_config_item("lxc.uts.name"), "foo")
        self.assertTrue(c.set_config_item("lxc.cap.drop", ["sys_module", "mac_admin"]))
        self.assertEqual(c.get_config_item("lxc.cap.drop"), ["sys_module", "mac_admin"])
        self.assertTrue(c.append_config_item("lxc.cap.drop", "sys_time"))
        self.assertEqual(len(c.get_config_item("lxc.cap.drop")), 3)
        self.assertFalse(c.append_config_item("lxc.no.such.key", "1"))
        self.assertTrue(c.clear_config_item("lxc.cap.drop"))
        self.assertEqual(c.get_config_item("lxc.cap.drop"), "")
        self.assertIn("lxc.uts.name", c.get_keys())
        with self.assertRaises(KeyError):
            c.get_config_item("lxc.no.such.key")

    def test_network(self):
        c = container("conf")
        self.assertTrue(c.network.add("veth"))
        c.network[0].link = "br0"
        self.assertEqual(c.get_config_item("lxc.net.0.link"), "br0")
        self.assertTrue(c.network.remove(0))
        self.assertEqual(len(c.network), 0)

    def test_saved_and_loaded_again(self):
        c = container("conf")
        c.set_config_item("lxc.uts.name", "saved")
        self.assertTrue(c.save_config())
        try:
            again = container("conf")
            self.assertTrue(again.defined)
            self.assertEqual(again.get_config_item("lxc.uts.name"), "saved")
            again.clear_config()
            self.assertTrue(again.load_config())
            self.assertEqual(again.get_config_item("lxc.uts.name"), "saved")
        finally:
            self.assertTrue(container("conf").destroy())
        self.assertFalse(container("conf").defined)

    def test_configuration_with_an_error(self):
        directory = os.path.join(LXCPATH, PREFIX + "bad")
        os.mkdir(directory)
        try:
            pathlib.Path(directory, "config").write_text("lxc.no.such.key = 1\n")
            with self.assertRaises(RuntimeError):
                container("bad")
        finally:
            os.unlink(directory + "/config")
            os.rmdir(directory)

    @only_berth
    def test_a_name_that_can_not_be_one(self):
        with self.assertRaises(RuntimeError):
            lxc.Container("a/b", LXCPATH)


class Copies(unittest.TestCase):
    """Snapshots, clones and other names of a container that does not run."""

    def setUp(self):
        self.c = container("src")
        self.c.set_config_item("lxc.net.0.type", "empty")
        self.assertTrue(self.c.create("busybox", 1))
        pathlib.Path(LXCPATH, self.c.name, "rootfs/etc/mark").write_text("first")

    def tearDown(self):
        for name in ("src", "clone", "renamed", "restored"):
            one = container(name)
            if one.defined:
                one.stop()
                [one.snapshot_destroy(s[0]) for s in one.snapshot_list()]
                one.destroy()

    def test_clone(self):
        clone = self.c.clone(PREFIX + "clone", config_path=LXCPATH)
        self.assertTrue(clone)
        self.assertEqual(clone.get_config_item("lxc.uts.name"), PREFIX + "clone")
        self.assertEqual(pathlib.Path(LXCPATH, clone.name, "rootfs/etc/mark").read_text(), "first")
        self.assertTrue(clone.start())
        self.assertTrue(clone.stop())
        self.assertFalse(self.c.clone(PREFIX + "clone", config_path=LXCPATH))

    def test_rename(self):
        self.c.rename(PREFIX + "renamed")
        self.assertTrue(container("renamed").defined)
        self.assertFalse(container("src").defined)

    def test_snapshots(self):
        comment = os.path.join(LXCPATH, "comment")
        pathlib.Path(comment).write_text("before the change")
        self.assertEqual(self.c.snapshot_list(), ())
        self.assertEqual(self.c.snapshot(comment), "snap0")
        os.unlink(comment)
        name, file, when, place = self.c.snapshot_list()[0]
        self.assertEqual((name, place), ("snap0", f"{LXCPATH}/{self.c.name}/snaps"))
        self.assertEqual(pathlib.Path(file).read_text(), "before the change")
        self.assertRegex(when, r"^\d{4}:\d\d:\d\d \d\d:\d\d:\d\d$")
        mark = pathlib.Path(LXCPATH, self.c.name, "rootfs/etc/mark")
        mark.write_text("second")
        self.assertFalse(self.c.destroy())
        self.assertTrue(self.c.snapshot_restore("snap0", PREFIX + "restored"))
        self.assertEqual(pathlib.Path(LXCPATH, PREFIX + "restored", "rootfs/etc/mark").read_text(), "first")
        self.assertTrue(self.c.snapshot_destroy("snap0"))
        self.assertEqual(self.c.snapshot_list(), ())


class Globals(unittest.TestCase):
    def test_facts(self):
        self.assertRegex(lxc.version, r"^\d+\.\d+\.\d+$")
        self.assertTrue(lxc.get_global_config_item("lxc.lxcpath").startswith("/"))
        with self.assertRaises(KeyError):
            lxc.get_global_config_item("lxc.no.such.key")
        self.assertEqual(lxc.list_containers(config_path=LXCPATH + "/nowhere"), ())


if __name__ == "__main__":
    print("library:", "berth's" if BERTH else "the distribution's", flush=True)
    unittest.main(argv=[sys.argv[0], *sys.argv[3:], "-v"])
