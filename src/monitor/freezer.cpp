// Runs in: the monitor.
#include "monitor/freezer.hpp"

#include "base/strings.hpp"
#include "sys/file.hpp"

namespace berth::monitor {

Status Freezer::request(bool frozen) {
  if (!available()) return fail(Error::from_errno(EOPNOTSUPP, "freeze", "the container has no freezer"));
  wish_ = frozen;
  if (unified_) return sys::write_attribute(file_, frozen ? "1" : "0");
  return write_v1();
}

Status Freezer::repeat() const {
  if (unified_) return {};
  return write_v1();
}

Status Freezer::write_v1() const { return sys::write_attribute(file_, wish_ ? "FROZEN" : "THAWED"); }

Result<bool> Freezer::reached(bool frozen) const {
  if (!unified_) return strings::trim(TRY(sys::read_file(file_))) == (frozen ? "FROZEN" : "THAWED");
  // cgroup.freeze shows the wish, cgroup.events beside it the fact.
  const std::string events = file_.substr(0, file_.rfind('/')) + "/cgroup.events";
  return TRY(sys::read_file(events)).find(frozen ? "frozen 1" : "frozen 0") != std::string::npos;
}

}  // namespace berth::monitor
