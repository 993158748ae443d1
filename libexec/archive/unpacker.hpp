// Reads an archive that anybody may have made, into directories that it is given.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "digest.hpp"
#include "late_flags.hpp"
#include "libarchive.hpp"
#include "member.hpp"
#include "packer.hpp"
#include "storage/archive/channel.hpp"

namespace berth::archive {

struct Limits {
  std::uint64_t bytes = 0;  // of data that is written, in all roots; 0 = what there is room for in each place
  std::uint64_t sizes = 0;  // of all files, with holes, attributes, and something for each; 0 = any
  bool any_device = false;  // else the usual ones
};

// Members must come as add_tree() writes them: a directory, all below it, then never anything below it again. So every name is
// one component below a directory that this object made and holds open, and no path of the archive is ever resolved.
class Unpacker {
 public:
  Unpacker(storage::archive::Channel& channel, int input, const Limits& limits)
      : channel_(channel), counter_(channel), input_(input), limits_(limits) {}
  Unpacker(const Unpacker&) = delete;
  Unpacker& operator=(const Unpacker&) = delete;

  // The whole archive. Returns its checksum, which was found to be right.
  Result<std::string> run();

 private:
  // What a directory gets when all in it is there.
  struct Frame {
    std::string name;
    Fd directory;
    struct ::stat info{};
    bool described = false;  // there was a member for it
    std::vector<std::pair<std::string, std::string>> attributes{};
    std::size_t kept = 0;                    // bytes of the attributes
    LateFlags::Node node = LateFlags::kTop;  // where it or something in it has flags
  };

  static la_ssize_t on_read(struct ::archive*, void* self, const void** data);
  la_ssize_t read_block(const void** data);
  Status digest_until(std::uint64_t position);

  Status open();
  Result<bool> next();
  Status take_manifest();
  Status take_checksum();
  Status take_member();
  Status take_stream_part();
  Status go_to(const Placed& placed);
  Status begin_place(const std::string& place);
  Status measure_room(int directory);
  Status end_place();
  Status leave();
  Status make(const std::string& name);
  Status make_directory(const std::string& name);
  Status describe_top();
  Status make_regular(const std::string& name);
  Status make_special(const std::string& name);
  Status make_link(const std::string& name);
  Status write_data(const Fd& file, std::uint64_t size);
  Status set_attributes(int file, const std::string& name);
  Status finish_file(const Fd& file, const std::string& name);
  Status keep_flags(const std::string& name);
  Status charge(std::uint64_t bytes);
  Status charge_data(std::uint64_t bytes);
  [[nodiscard]] std::size_t attribute_bytes() const;
  Result<std::string> read_small(std::size_t limit);
  Result<std::vector<std::pair<std::string, std::string>>> attributes();
  Result<Fd> open_made(const std::vector<std::string>& directories);
  [[nodiscard]] std::string shown() const;
  [[nodiscard]] Error refused(std::string_view why) const;

  storage::archive::Channel& channel_;
  Counter counter_;
  int input_;
  Limits limits_;
  Archive decompressor_, tar_;
  struct ::archive_entry* entry_ = nullptr;
  struct ::stat info_{};
  std::vector<std::pair<std::string, std::string>> attributes_;
  int flags_ = 0;
  bool is_socket_ = false;
  bool begun_ = false;  // a header was read

  // Bytes that were read and not yet taken into the digest.
  std::deque<std::vector<char>> held_;
  std::uint64_t digested_ = 0;
  Digest digest_;
  Status read_;  // the first failure of the input

  std::string place_;
  std::vector<std::string> places_;  // that are done
  std::vector<Frame> frames_;
  LateFlags late_flags_;
  std::size_t kept_ = 0;  // bytes of attributes in frames_
  Fd mount_;              // of the place: lasts as long as it is open
  Fd stream_;
  std::uint64_t written_ = 0, sizes_ = 0;
  std::uint64_t room_ = 0, written_here_ = 0;  // of the place that is open
};

}  // namespace berth::archive
