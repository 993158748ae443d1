// Lists the containers of a lxcpath with their states and addresses.
//   list_containers [LXCPATH]
#include <berth/container.hpp>

#include <cstdio>

using namespace berth::api;

namespace {

std::string describe(const Container& container) {
  const Result<State> state = container.state();
  if (!state) return state.error().message();
  std::string line(to_string(*state));
  if (*state != State::kRunning) return line;
  if (const auto pid = container.init_pid()) line += " init " + std::to_string(*pid);
  if (const auto addresses = container.addresses()) {
    for (const std::string& address : *addresses) line += " " + address;
  }
  return line;
}

}  // namespace

int main(int argc, char** argv) {
  const auto all = containers(Which::kAll, argc > 1 ? argv[1] : "");
  if (!all) {
    std::fputs(all.error().text("list_containers").c_str(), stderr);
    return 1;
  }
  for (const Container& one : *all) std::printf("%s %s\n", one.name().c_str(), describe(one).c_str());
}
