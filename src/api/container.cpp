// Runs in: a program that links libberth.
#include <cerrno>

#include "api/config_impl.hpp"
#include "api/container_impl.hpp"
#include "config/global.hpp"
#include "config/parser.hpp"
#include "runtime/clone.hpp"
#include "runtime/create.hpp"
#include "runtime/destroy.hpp"
#include "runtime/list.hpp"
#include "runtime/own_library.hpp"
#include "runtime/snapshot.hpp"
#include "sys/file.hpp"

namespace berth::api {
namespace {

constexpr mode_t kContainerMode = 0770, kDirectoryMode = 0755;

berth::Result<runtime::Container> find(const std::string& name, const std::string& lxcpath) {
  return runtime::Container::open(name, TRY(runtime::resolve_lxcpath(lxcpath)));
}

runtime::CreateRequest request_from(const runtime::Container& container, const CreateOptions& options) {
  runtime::CreateRequest request;
  request.name = container.name();
  request.lxcpath = container.lxcpath();
  request.template_name = options.template_name;
  request.template_args = options.template_arguments;
  request.specs = {.directory = options.root_directory,
                   .fstype = options.file_system,
                   .size = options.size,
                   .zfs_root = options.zfs_root,
                   .volume_group = options.volume_group,
                   .logical_volume = options.logical_volume,
                   .thin_pool = options.thin_pool,
                   .rbd_name = options.rbd_name,
                   .rbd_pool = options.rbd_pool,
                   .rbd_user = options.rbd_user};
  request.bdev = options.back_end;
  request.quiet = options.quiet;
  if (options.config != nullptr) request.config_text = options.config->text();
  return request;
}

runtime::CloneRequest request_from(const std::string& name, const CloneOptions& options) {
  runtime::CloneRequest request;
  request.name = name;
  request.lxcpath = options.lxcpath;
  request.snapshot = options.snapshot;
  request.maybe_snapshot = options.snapshot_if_able;
  request.keep_name = options.keep_host_name;
  request.keep_hwaddr = options.keep_hardware_addresses;
  request.allow_running = options.allow_running;
  request.bdev = options.back_end;
  request.hook_arguments = options.hook_arguments;
  return request;
}

berth::Status save(const runtime::Container& container, const config::Conf& conf) {
  if (!sys::exists(container.lxcpath())) TRY(sys::ensure_directory(container.lxcpath(), kDirectoryMode));
  TRY(sys::ensure_directory(container.directory(), kContainerMode));
  return berth::with_context(config::save_file(conf, container.config_file()), "saving the configuration");
}

berth::Result<std::vector<std::string>> names(Which which, const std::string& lxcpath) {
  std::vector<std::string> names;
  for (auto& entry : TRY(runtime::list_all(lxcpath))) {
    const bool wanted = which == Which::kAll || (which == Which::kDefined ? entry.defined : entry.active);
    if (wanted) names.push_back(std::move(entry.name));
  }
  return names;
}

}  // namespace

Container wrapped(runtime::Container container) {
  return Container(std::make_unique<Container::Impl>(Container::Impl{std::move(container)}));
}

inline namespace v0 {

Container::Container(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Container::Container(Container&&) noexcept = default;
Container& Container::operator=(Container&&) noexcept = default;
Container::~Container() = default;

Result<Container> Container::open(const std::string& name, const std::string& lxcpath) {
  return bordered([&]() -> berth::Result<Container> { return wrapped(TRY(find(name, lxcpath))); });
}

Result<Container> Container::create(const std::string& name, const CreateOptions& options, const std::string& lxcpath) {
  return bordered([&]() -> berth::Result<Container> {
    auto container = TRY(find(name, lxcpath));
    TRY(runtime::create(request_from(container, options)));
    return wrapped(std::move(container));
  });
}

std::string Container::name() const { return impl_ ? impl_->container.name() : std::string(); }
std::string Container::lxcpath() const { return impl_ ? impl_->container.lxcpath() : std::string(); }
std::string Container::config_file() const { return impl_ ? impl_->container.config_file() : std::string(); }
bool Container::defined() const { return impl_ && impl_->container.defined(); }

// --- configuration ---------------------------------------------------------------------------------------------------------

Result<Config> Container::config() const {
  return with(impl_, [](const auto& c) -> berth::Result<Config> { return wrapped(TRY(c.load())); });
}

Status Container::save_config(const Config& config) const {
  return with(impl_, [&](const auto& c) -> berth::Status { return save(c, config.impl().conf); });
}

Result<std::string> Container::running_config_item(const std::string& key) const {
  return with(impl_, [&](const auto& c) -> berth::Result<std::string> { return c.client().config_item(key); });
}

// --- what it consists of ---------------------------------------------------------------------------------------------------

Status Container::destroy(const DestroyOptions& options) const {
  return with(impl_, [&](const auto& c) -> berth::Status {
    runtime::DestroyRequest request{.force = options.force, .snapshots = options.snapshots, .clones = options.clones};
    if (options.clone_gone) request.clone_gone = [&](const runtime::Container& clone) { options.clone_gone(wrapped(clone)); };
    return runtime::destroy(c, request);
  });
}

Result<Container> Container::clone(const std::string& name, const CloneOptions& options) const {
  return with(impl_, [&](const auto& c) -> berth::Result<Container> {
    return wrapped(TRY(runtime::clone(c, request_from(name, options))));
  });
}

Status Container::rename(const std::string& name) {
  auto renamed = with(impl_, [&](const auto& c) -> berth::Result<Container> { return wrapped(TRY(runtime::rename(c, name))); });
  if (!renamed) return std::unexpected(renamed.error());
  *this = std::move(*renamed);
  return {};
}

Result<std::string> Container::take_snapshot(const std::string& comment_file) const {
  return with(impl_, [&](const auto& c) -> berth::Result<std::string> {
    return "snap" + std::to_string(TRY(runtime::take_snapshot(c, comment_file)));
  });
}

Result<std::vector<Snapshot>> Container::snapshots() const {
  return with(impl_, [](const auto& c) -> berth::Result<std::vector<Snapshot>> {
    std::vector<Snapshot> result;
    for (auto& one : TRY(runtime::list_snapshots(c))) {
      result.push_back({std::move(one.name), std::move(one.comment_file), std::move(one.timestamp)});
    }
    return result;
  });
}

Result<Container> Container::restore_snapshot(const std::string& snapshot, const std::string& new_name) const {
  return with(impl_, [&](const auto& c) -> berth::Result<Container> {
    TRY(runtime::restore_snapshot(c, snapshot, new_name));
    return wrapped(TRY(runtime::Container::open(new_name.empty() ? c.name() : new_name, c.lxcpath())));
  });
}

Status Container::destroy_snapshot(const std::string& snapshot) const {
  return with(impl_, [&](const auto& c) -> berth::Status { return runtime::destroy_snapshot(c, snapshot); });
}

// --- all of them -----------------------------------------------------------------------------------------------------------

Result<Containers> containers(Which which, const std::string& lxcpath) {
  return bordered([&]() -> berth::Result<Containers> {
    const std::string path = TRY(runtime::resolve_lxcpath(lxcpath));
    std::vector<Container> list;
    for (auto& name : TRY(names(which, path))) list.push_back(wrapped(TRY(runtime::Container::open(std::move(name), path))));
    return Containers(std::move(list));
  });
}

Result<std::string> global_setting(const std::string& key) {
  return bordered([&]() -> berth::Result<std::string> { return config::global_item(key); });
}

std::string version() { return BERTH_VERSION; }

}  // namespace v0
}  // namespace berth::api
