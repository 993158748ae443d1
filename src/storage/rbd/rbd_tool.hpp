// The rbd command of ceph-common. Each function is one run of it. It is told of clusters, keys and users by /etc/ceph/ceph.conf
// and by CEPH_CONF and CEPH_ARGS of the caller's environment.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "storage/rbd/rbd_output.hpp"

namespace berth::storage::rbd {

// EOPNOTSUPP with the package's name where the program is missing.
Status need_tool();

// Standard output. `user`: --id, empty = as the environment says. Error: errno of rbd, "cannot WHAT", its words, and a hint where
// there is a way out.
Result<std::string> run(const std::vector<std::string>& arguments, std::string_view what, const std::string& user = {});
// {"--pool", POOL, "--image", NAME}, with --namespace where there is one.
std::vector<std::string> words_of(const Image& image);
// `first`, then words_of(image), then `last`.
std::vector<std::string> words(const std::vector<std::string>& first, const Image& image,
                               const std::vector<std::string>& last = {});

// Nothing: there is no such image.
Result<std::optional<Info>> find(const Image& image);
Result<std::vector<Snapshot>> snapshots_of(const Image& image);
Result<std::vector<Image>> clones_of(const Image& image, const std::string& snapshot);

}  // namespace berth::storage::rbd
