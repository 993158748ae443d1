// What is behind an api::Container.
#pragma once

#include <berth/container.hpp>

#include "api/boundary.hpp"
#include "base/fd.hpp"
#include "runtime/container.hpp"

namespace berth::api {
inline namespace v0 {

struct Container::Impl {
  runtime::Container container;
};

}  // namespace v0

Container wrapped(runtime::Container container);
inline Descriptor handed_over(Fd fd) { return Descriptor(fd.release()); }

// Calls `body(container)`, which gives a berth::Result.
template <typename Impl, typename Body>
auto with(const Impl& impl, const Body& body) {
  using Outcome = std::invoke_result_t<Body, const runtime::Container&>;
  return bordered([&]() -> Outcome {
    if (!impl) return berth::fail(moved_from());
    return body(static_cast<const runtime::Container&>(impl->container));
  });
}

}  // namespace berth::api
