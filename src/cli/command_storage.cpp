// Runs in: host commands.
// What root file systems take, may take, and which kinds there are.
#include <cerrno>
#include <optional>

#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/progress_text.hpp"
#include "cli/report.hpp"
#include "cli/table.hpp"
#include "cli/units.hpp"
#include "runtime/backup/still_root.hpp"
#include "runtime/hold.hpp"
#include "runtime/list.hpp"
#include "runtime/store_specs.hpp"
#include "storage/backing_store.hpp"
#include "storage/tree/measure_tree.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"

namespace berth::cli {
namespace {

struct StorageOptions : Common {
  bool all = false, json = false;
};

constexpr Option kOptions[] = {
    {"all", 0, Takes::kNothing, "", "usage, shared: of all containers of the container path", set_flag<&StorageOptions::all>},
    {"json", 0, Takes::kNothing, "", "list, usage, shared: as JSON, sizes in bytes", set_flag<&StorageOptions::json>},
};

// --- berth storage list ------------------------------------------------------------------------------------------------------
std::string abilities(const storage::Traits& traits) {
  std::vector<std::string> words;
  const auto add = [&](bool can, const char* word) {
    if (can) words.emplace_back(word);
  };
  add(traits.can_create, "create");
  add(traits.can_snapshot, "snapshot");
  add(traits.can_resize, "resize");
  add(traits.can_send, "send");
  return strings::join(words, ",");
}

// Why no new root of the kind can be made here; nothing: one can.
std::optional<Error> obstacle(const storage::BackingStore& store, const std::string& lxcpath) {
  if (!store.traits().can_create) return Error::message("roots of this kind are not made, only used");
  if (store.traits().needs_root && sys::effective_uid() != 0) return Error::message("only root can mount it", EPERM);
  constexpr const char* kNobody = "berth-storage-list";
  const auto specs = runtime::complete_specs(store, {});
  if (!specs) return Error(specs.error());
  const auto place = store.place({strings::cat(lxcpath, "/", kNobody), kNobody}, *specs);
  return place ? std::nullopt : std::optional<Error>(Error(place.error()));
}

// In one line. What a program said tells more than that it failed; the reason of a refusal more than what was tried, which names
// a container that nobody asked for.
std::string reason_of(const Error& error) {
  for (const std::string_view line : strings::split(error.output(), '\n'))
    if (!strings::trim(line).empty()) return strings::cat(error.line(), ": ", strings::trim(line));
  return error.because().empty() ? error.line() : error.because();
}

struct Kind {
  const storage::Traits* traits;
  std::optional<Error> why_not;
};

std::string kinds_as_json(const std::vector<Kind>& kinds) {
  JsonWriter json;
  json.begin_array();
  for (const auto& [traits, why_not] : kinds) {
    json.begin_object().key("type").value(traits->name).key("create").value(traits->can_create).key("snapshot");
    json.value(traits->can_snapshot).key("resize").value(traits->can_resize).key("send").value(traits->can_send);
    json.key("block_device").value(traits->is_block).key("usable").value(!why_not).key("because");
    why_not ? json.value(reason_of(*why_not)) : json.null();
    json.key("hint");
    why_not && !why_not->hint().empty() ? json.value(why_not->hint()) : json.null();
    json.end_object();
  }
  json.end_array();
  return json.take();
}

// The table stays narrow: reasons are below it.
std::string kinds_as_text(const std::vector<Kind>& kinds) {
  std::vector<std::vector<std::string>> rows{{"TYPE", "CAN", "USABLE"}};
  std::string reasons;
  for (const auto& [traits, why_not] : kinds) {
    rows.push_back({std::string(traits->name), abilities(*traits), why_not ? "no" : "yes"});
    if (!why_not) continue;
    reasons += strings::cat("\n", traits->name, ": ", reason_of(*why_not), "\n");
    if (!why_not->hint().empty()) reasons += strings::cat("  try: ", why_not->hint(), "\n");
  }
  return layout_table(rows) + reasons;
}

Result<int> list(const StorageOptions& options) {
  if (options.arguments.size() > 1 || !options.name.empty() || options.all)
    return fail(Error::message("'list' takes no names").hint("berth storage usage NAME shows what a container has"));
  const std::string lxcpath = TRY(lxcpath_of(options));
  std::vector<Kind> kinds;
  for (const storage::BackingStore* store : storage::stores()) kinds.push_back({&store->traits(), obstacle(*store, lxcpath)});
  print(options.json ? kinds_as_json(kinds) : kinds_as_text(kinds));
  return 0;
}

// --- berth storage usage -----------------------------------------------------------------------------------------------------
struct Measured {
  std::string name, type;
  storage::Usage usage;
};

// A root on a device is mounted for it, and the device may be connected: nobody starts it or takes it away meanwhile. Others may
// be looked at while a long copy holds the container.
Result<std::optional<os::FileLock>> hold_device(const runtime::Container& container, const storage::BackingStore& store) {
  if (!store.traits().is_block) return std::nullopt;
  return TRY(runtime::lock_copied(container));
}

// Kinds that keep no account are counted, file by file.
Result<storage::Usage> usage_of(const storage::BackingStore& store, const std::string& path) {
  auto usage = store.usage(path);
  if (usage || usage.error().code() != EOPNOTSUPP || store.traits().is_block) return usage;
  storage::View view = TRY(storage::View::open(TRY(store.attach(path, storage::Access::kRead)), storage::Access::kRead));
  storage::Usage counted{.used = TRY(storage::measure_tree(view.directory()))};
  TRY(view.close());
  return counted;
}

// A path is often meant to name a container.
Result<runtime::Container> container_of(const std::string& name, const std::string& lxcpath) {
  auto container = runtime::Container::open(name, lxcpath);
  if (container || name.find('/') == name.npos || !container.error().hint().empty()) return container;
  return fail(std::move(container.error()).hint("name the container, and its lxcpath with -P; berth ls lists them"));
}

Result<std::optional<Measured>> measure(const runtime::Container& container) {
  TRY(runtime::check_defined(container));
  const auto conf = TRY(container.load());
  if (conf.rootfs.path.empty()) return std::nullopt;
  const auto* store = TRY(storage::store_of(conf.rootfs.type, conf.rootfs.path));
  const auto held = TRY(hold_device(container, *store));
  return Measured{container.name(), std::string(store->traits().name), TRY(usage_of(*store, conf.rootfs.path))};
}

std::string text_of(const std::optional<std::uint64_t>& bytes) { return bytes ? short_bytes(*bytes) : "-"; }

std::string as_json(const std::vector<Measured>& found) {
  JsonWriter json;
  json.begin_array();
  for (const Measured& one : found) {
    json.begin_object().key("name").value(one.name).key("type").value(one.type).key("used").value(one.usage.used).key("limit");
    one.usage.limit ? json.value(*one.usage.limit) : json.null();
    json.key("exclusive");
    one.usage.exclusive ? json.value(*one.usage.exclusive) : json.null();
    json.end_object();
  }
  json.end_array();
  return json.take();
}

Result<std::vector<std::string>> names_of(const StorageOptions& options) {
  std::vector<std::string> names(options.arguments.begin() + 1, options.arguments.end());
  if (!options.name.empty()) names.insert(names.begin(), options.name);
  if (!names.empty() && options.all) return fail("--all is for no names");
  if (!names.empty()) return names;
  const std::string lxcpath = TRY(lxcpath_of(options));
  if (!options.lxcpath.empty() && !sys::exists(lxcpath))
    return fail(Error::message(strings::cat("there is no directory ", lxcpath), ENOENT).because("-P names it"));
  for (const auto& entry : TRY(runtime::list_all(lxcpath)))
    if (entry.defined) names.push_back(entry.name);
  return names;
}

// Of many containers those that can't be measured are told, and do not keep the others from it.
Result<int> usage(StorageOptions& options) {
  std::vector<Measured> found;
  int status = 0;
  const std::string lxcpath = TRY(lxcpath_of(options));
  const bool is_named = options.arguments.size() > 1 || !options.name.empty();
  for (const std::string& name : TRY(names_of(options))) {
    const auto container = container_of(name, lxcpath);
    auto measured = container ? measure(*container) : Result<std::optional<Measured>>(fail(Error(container.error())));
    if (measured && !*measured && is_named) measured = fail("the container has no root file system");
    if (measured && *measured) found.push_back(std::move(**measured));
    if (measured) continue;
    options.name = name;
    report(options, measured.error());
    status = kExitFailure;
  }
  std::vector<std::vector<std::string>> rows{{"NAME", "TYPE", "USED", "LIMIT", "EXCLUSIVE"}};
  for (const Measured& one : found)
    rows.push_back({one.name, one.type, short_bytes(one.usage.used), text_of(one.usage.limit), text_of(one.usage.exclusive)});
  if (options.json || !found.empty() || status == 0) print(options.json ? as_json(found) : layout_table(rows));
  return status;
}

// --- berth storage resize ----------------------------------------------------------------------------------------------------
Result<int> resize(StorageOptions& options) {
  if (options.arguments.size() != 3)
    return fail(Error::message("a name and a size are needed").hint("berth storage resize NAME SIZE|none"));
  options.name = options.arguments[1];
  const std::string& size = options.arguments[2];
  const auto container = TRY(container_of(options.name, TRY(lxcpath_of(options))));
  TRY(runtime::check_defined(container));
  TRY(runtime::check_complete(container));
  const std::uint64_t bytes = size == "none" ? 0 : TRY(parse_file_system_size(size));
  const auto held = TRY(runtime::lock_alone(container));
  const auto conf = TRY(container.load());
  if (conf.rootfs.path.empty()) return fail("the container has no root file system");
  const auto* store = TRY(storage::store_of(conf.rootfs.type, conf.rootfs.path));
  TRY_CONTEXT(store->resize(conf.rootfs.path, bytes), "cannot resize");
  return 0;
}

// --- berth storage shared, forget --------------------------------------------------------------------------------------------
struct Shared {
  std::string name, type, state;
};

// Nothing: its storage has no such states.
Result<std::optional<Shared>> shared_of(const runtime::Container& container) {
  TRY(runtime::check_defined(container));
  const auto conf = TRY(container.load());
  if (conf.rootfs.path.empty()) return std::nullopt;
  const auto* store = TRY(storage::store_of(conf.rootfs.type, conf.rootfs.path));
  if (!store->traits().can_send) return std::nullopt;
  return Shared{container.name(), std::string(store->traits().name), TRY(store->shared_state(conf.rootfs.path))};
}

Result<int> shared(StorageOptions& options) {
  std::vector<std::vector<std::string>> rows{{"NAME", "TYPE", "STATE"}};
  JsonWriter json;
  json.begin_array();
  int status = 0;
  const std::string lxcpath = TRY(lxcpath_of(options));
  for (const std::string& name : TRY(names_of(options))) {
    const auto container = runtime::Container::open(name, lxcpath);
    const auto found = container ? shared_of(*container) : Result<std::optional<Shared>>(fail(Error(container.error())));
    if (!found) {
      options.name = name;
      report(options, found.error());
      status = kExitFailure;
    }
    if (!found || !*found || (*found)->state.empty()) continue;
    rows.push_back({(*found)->name, (*found)->type, (*found)->state});
    json.begin_object().key("name").value((*found)->name).key("type").value((*found)->type);
    json.key("state").value((*found)->state).end_object();
  }
  json.end_array();
  print(options.json ? json.take() : layout_table(rows));
  return status;
}

Result<int> forget(StorageOptions& options) {
  if (options.arguments.size() != 2) return fail(Error::message("a name is needed").hint("berth storage forget NAME"));
  options.name = options.arguments[1];
  TRY_CONTEXT(runtime::forget_shared_state(TRY(open_container(options))), "cannot forget what was exported");
  return 0;
}

Result<int> storage_command(StorageOptions& options) {
  const std::string word = options.arguments.empty() ? "" : options.arguments.front();
  if (word == "list") return list(options);
  if (word == "usage") return usage(options);
  if (word == "resize") return resize(options);
  if (word == "shared") return shared(options);
  if (word == "forget") return forget(options);
  return fail(Error::message(word.empty() ? "What to do was not said"
                                          : strings::cat("'", word, "' is none of list, usage, resize, shared, forget"))
                  .hint(strings::cat("'", options.program, " --help' shows how")));
}

}  // namespace

int run_storage(int argc, char** argv) { return run_command<StorageOptions>(kStorage, argc, argv, storage_command); }

const Command kStorage = {.name = "storage",
                          .synopsis = "list | usage [NAME...|--all] | resize NAME SIZE[U]|none | shared [NAME...] | forget NAME",
                          .summary = "kinds of storage; what containers take and may take of it",
                          .description =
                              "list the kinds of storage and why one can't be used here; show what root file systems take;\n"
                              "give one another size or limit, unit one of bBkKmMgGtT (default: M); show the states that\n"
                              "incremental archives start from, and remove one, so that the next archive is whole",
                          .options = kOptions,
                          .run = run_storage,
                          .takes_name = false,
                          .name_required = false,
                          .own = true};

}  // namespace berth::cli
