// Runs in: the starting command.
#include "network/recipe.hpp"

#include <cstddef>
#include <utility>

namespace berth::network {

Entry& Recipe::add(Act act) {
  Entry& entry = entries.emplace_back();
  entry.act = std::move(act);
  return entry;
}

Request& Request::index_at(std::size_t offset, std::string interface) {
  fixups_.push_back({Fixup::Kind::kIndex, Side::kHost, static_cast<std::uint32_t>(offset), std::move(interface)});
  return *this;
}

Request& Request::add_index(std::uint16_t attribute, std::string interface) {
  return index_at(message_.add_value(attribute, std::int32_t{0}), std::move(interface));
}

Request& Request::add_namespace(std::uint16_t attribute, Side side) {
  const std::size_t offset = message_.add_value(attribute, std::uint32_t{0});
  fixups_.push_back({Fixup::Kind::kNamespace, side, static_cast<std::uint32_t>(offset), {}});
  return *this;
}

Request& Request::about(std::string_view subject) {
  subject_ = subject;
  return *this;
}

Act Request::act(Side side, std::string doing, std::string object, Origin origin) && {
  Act act;
  act.side = side;
  act.doing = std::move(doing);
  act.object = std::move(object);
  act.subject = std::move(subject_);
  act.origin = std::move(origin);
  const auto bytes = message_.bytes();
  act.request.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  act.fixups = std::move(fixups_);
  return act;
}

Act write_file(std::string path, std::string value, std::string doing, Origin origin) {
  Act act;
  act.kind = Act::Kind::kWriteFile;
  act.doing = std::move(doing);
  act.object = path;
  act.path = std::move(path);
  act.value = std::move(value);
  act.origin = std::move(origin);
  return act;
}

Act run_program(std::vector<std::string> program, std::string doing, std::string object, Origin origin) {
  Act act;
  act.kind = Act::Kind::kProgram;
  act.doing = std::move(doing);
  act.object = std::move(object);
  act.program = std::move(program);
  act.origin = std::move(origin);
  return act;
}

}  // namespace berth::network
