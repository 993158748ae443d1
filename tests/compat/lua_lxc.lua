-- What lua-lxc, which was written for LXC's library, does with berth's.
-- usage: LD_LIBRARY_PATH=BUILD/lib lua5.2 lua_lxc.lua LXCPATH NAME
-- Makes the container NAME in LXCPATH and takes it away again.
local lxc = require("lxc")
local core = require("lxc.core")

local lxcpath, name = arg[1], arg[2]

local function check(what, value, wanted)
  if wanted == nil then wanted = true end
  if value ~= wanted then
    io.stderr:write(string.format("%s: %s, not %s\n", what, tostring(value), tostring(wanted)))
    os.exit(1)
  end
  print("ok " .. what)
end

assert(lxc.version_get():match("^%d+%.%d+%.%d+$"), "version")
check("default_config_path_get", lxc.default_config_path_get():sub(1, 1), "/")

local c = lxc.container:new(name, lxcpath)
assert(c, "container:new")
check("name", c:name(), name)
check("config_file_name", c:config_file_name(), lxcpath .. "/" .. name .. "/config")
check("get_config_path", c:get_config_path(), lxcpath)
check("defined before", c:defined(), false)
check("state before", c:state(), "STOPPED")

check("set_config_item", c:set_config_item("lxc.net.0.type", "empty"))
check("get_config_item", c:get_config_item("lxc.net.0.type"), "empty")
check("set_config_item of no key", c:set_config_item("lxc.no.such.key", "1"), false)
check("append_config_item", c:append_config_item("lxc.cap.drop", "sys_module"))
check("append_config_item again", c:append_config_item("lxc.cap.drop", "mac_admin"))
local dropped = c:get_config_item("lxc.cap.drop")
check("a list", type(dropped) == "table" and #dropped, 2)
check("clear_config_item", c:clear_config_item("lxc.cap.drop"))
local count = 0
for _ in pairs(c:get_keys()) do count = count + 1 end
check("get_keys", count > 30)
check("get_keys of a network", type(c:get_keys("lxc.net.0")), "table")

check("create", c:create("busybox"))
check("defined", c:defined())
check("start", c:start())
check("wait", c:wait("RUNNING", 10))
check("running", c:running())
check("state", c:state(), "RUNNING")
assert(c:init_pid() > 1, "init_pid")
check("attach", c:attach("/bin/true"))
check("get_interfaces", (c:get_interfaces()), "lo")
assert(tonumber(c:get_cgroup_item("cpu.shares") or c:get_cgroup_item("cpu.weight")), "get_cgroup_item")
check("set_cgroup_item", c:set_cgroup_item("pids.max", "88"))
check("what was set", c:get_cgroup_item("pids.max"):match("%d+"), "88")
check("freeze", c:freeze())
check("frozen", c:state(), "FROZEN")
check("unfreeze", c:unfreeze())
check("cmd_get_config_item", lxc.cmd_get_config_item(name, "lxc.net.0.type", lxcpath), "empty")
check("destroy while it runs", c:destroy(), false)
check("shutdown", c:shutdown(20))
check("stopped", c:state(), "STOPPED")
check("start again", c:start())
check("stop", c:stop())
check("save_config", c:save_config())
check("load_config", c:load_config())
check("rename", c:rename(name .. "r"))
local renamed = lxc.container:new(name .. "r", lxcpath)
check("renamed", renamed:defined())
check("destroy", renamed:destroy())
check("gone", renamed:defined(), false)
