// Network block devices that qemu-nbd serves from an image on this host.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace berth::storage::nbd {

struct Image {
  std::string file;
  unsigned partition = 0;  // 0: the whole image
};

// "FILE[:PARTITION]"; a file whose own name ends so goes first.
Image parse_path(const std::string& path);
inline constexpr std::string_view kUnfinished = ".unfinished";  // a block::NewFile on its way
inline constexpr std::string_view kBase = ".base-", kFreshBase = ".base-fresh", kSnapshotMark = ".base-elsewhere";

// What the end of the name says, ".unfinished" aside: "raw" (.raw, .img), "qcow2"; empty: nothing.
std::string_view named_format(std::string_view file);
// Files beside `file` called so and kBase: images that snapshots made the bases of this one, and of others; the mark of a
// snapshot whose base is elsewhere.
Result<std::vector<std::string>> bases_of(const std::string& file);
// A snapshot made it an image upon another, whatever its name says. By what is beside it, where no container writes.
Result<bool> is_upon_base(std::string file);
// The format that programs are told: they must not find out by themselves what somebody may have written into a raw image. By the
// name and bases; only an image whose name says neither may hold another format. Error EINVAL: it holds what it may not; EPERM:
// the image would show its container files of the host (see image_reach.hpp).
Result<std::string> format_of(const std::string& file);

// The kernel has such devices, or a module for them that connect() will load. Changes nothing. Error: ENODEV.
Status check_driver();

// The device that shows this file, whoever connected it: "/dev/nbd0".
Result<std::optional<std::string>> find_device(const std::string& file);
// Connects the file to a free device and waits until it can be read.
Result<std::string> connect(const std::string& file, const std::string& format, bool read_only);
// The words that end it, for who can't look: nothing is done when the device shows another file by then.
std::vector<std::string> disconnection(const std::string& device, const std::string& file);
// Ends it and waits until the device is free. Nothing may use it.
Status disconnect(const std::string& device);
// The device of the image's partition, once the kernel has found it.
Result<std::string> partition_of(const std::string& device, unsigned partition);

// The arguments in /proc/PID/cmdline name this file: by its path, or by another that leads to it.
bool serves(std::string_view command_line, const std::string& file);

// qemu-img with these arguments.
Status run_image_tool(std::vector<std::string> arguments);

}  // namespace berth::storage::nbd
