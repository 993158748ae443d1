// Destroys what depends on a container.
#pragma once

#include <vector>

#include "base/result.hpp"
#include "runtime/container.hpp"
#include "runtime/destroy.hpp"

namespace berth::runtime {

// Error: there are snapshots of the container, and they may not go; or that can't be seen.
Status check_snapshots(const Container& container, bool may_go);

// Those that depend on it, each before what it depends on itself. Error: one can't go, as destroy() says of
// DestroyRequest::clones.
Result<std::vector<Container>> clones_of(const Container& container, bool snapshots);
// Those that clones_of() has found of `container`. Error: under its lock one does not say any more that it is one of them.
Status destroy_clones(const Container& container, const std::vector<Container>& clones, const DestroyRequest& request);

}  // namespace berth::runtime
