// Runs in: the command lxc-create and library callers.
#include "runtime/create.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/sha1.hpp"
#include "base/strings.hpp"
#include "config/global.hpp"
#include "config/parser.hpp"
#include "os/paths.hpp"
#include "runtime/container.hpp"
#include "runtime/durable.hpp"
#include "runtime/host_program.hpp"
#include "runtime/new_directory.hpp"
#include "runtime/root_journal.hpp"
#include "runtime/root_namespace.hpp"
#include "runtime/store_options.hpp"
#include "storage/backing_store.hpp"
#include "sys/file.hpp"

namespace berth::runtime {
namespace {

inline constexpr mode_t kConfigMode = 0640;
inline constexpr std::string_view kBuiltInConfig = "lxc.net.0.type = empty\n";

// --- what to do, decided before anything is made --------------------------------------------------------------------------
struct Draft {
  Container container;
  std::string template_path{};  // empty = none
  std::string root{};           // empty = none
  std::string text{};           // of the configuration
  const storage::BackingStore* store = nullptr;
  storage::Specs specs{};
  std::vector<std::string> template_args{};
  bool quiet = false;
  bool over_definition = false;
  const storage::Progress* progress = nullptr;

  [[nodiscard]] bool cancelled() const { return progress != nullptr && progress->cancelled(); }
};

Status check_directory_option(const std::string& directory) {
  if (directory.empty() || directory.starts_with('/')) return {};
  return fail(Error::message(strings::cat("--dir '", directory, "' is not an absolute path"))
                  .hint("the path is written into the configuration, which is read from other working directories"));
}

Result<config::Conf> load_initial(const CreateRequest& request) {
  config::Conf conf;
  if (request.config_text) {
    TRY(config::load_text(conf, *request.config_text, "the given configuration"));
    return conf;
  }
  if (!request.config_file.empty()) {
    TRY_CONTEXT(config::load_file(conf, request.config_file), "cannot read the configuration given by --config");
    return conf;
  }
  const std::string standard = TRY(config::global_item("lxc.default_config"));
  if (sys::exists(standard))
    TRY_CONTEXT(config::load_file(conf, standard), "cannot read the default configuration");
  else
    TRY(config::load_text(conf, kBuiltInConfig, "the built-in default configuration"));
  return conf;
}

Status check_template_can_run(const config::Conf& conf) {
  if (!conf.idmap.empty())
    return fail(
        Error::message("templates under an id map come later", EOPNOTSUPP)
            .because(
                "the template must run inside the map (lxc-usernsexec), which belongs to the issue on unprivileged containers")
            .hint("create without lxc.idmap, then add it with lxc.rootfs.options = idmap=container")
            .set_by(conf.idmap.front().origin));
  if (!conf.rootfs.path.empty())
    return fail(Error::message("the configuration names a root file system already")
                    .because(conf.rootfs.path)
                    .hint("use --template none for it, or remove that line")
                    .set_by(conf.origin("lxc.rootfs.path")));
  return {};
}

Status check_existing_root(const config::Conf& conf) {
  if (conf.rootfs.path.empty() || !conf.rootfs.path.starts_with('/') || sys::exists(conf.rootfs.path)) return {};
  return fail(Error::message("the root file system that the configuration names does not exist", ENOENT)
                  .because(conf.rootfs.path)
                  .hint("make it first, or remove the line and name a template")
                  .set_by(conf.origin("lxc.rootfs.path")));
}

std::string with_line_end(std::string text) {
  if (!text.empty() && !text.ends_with('\n')) text.push_back('\n');
  return text;
}

Result<Draft> prepare(const CreateRequest& request) {
  Draft draft{.container = TRY(Container::open(request.name, request.lxcpath)),
              .template_args = request.template_args,
              .quiet = request.quiet,
              .over_definition = request.over_definition,
              .progress = request.progress};
  if (request.template_name.empty())
    return fail(Error::message("no template was named").hint("add --template busybox, or --template none"));
  TRY(check_directory_option(request.specs.directory));
  const bool with_template = request.template_name != "none";
  StoreChoice choice = TRY(choose_store(request.bdev, {draft.container.directory(), draft.container.name()}, request.specs));
  if (with_template) draft.template_path = TRY(find_template(request.template_name));
  const config::Conf conf = TRY(load_initial(request));
  TRY(with_template ? check_template_can_run(conf) : check_existing_root(conf));
  draft.text = with_line_end(conf.unexpanded);
  if (!with_template) return draft;
  draft.store = choice.store;
  draft.specs = std::move(choice.specs);
  draft.root = std::move(choice.path);
  draft.text += strings::cat("lxc.rootfs.path = ", storage::rootfs_value(*draft.store, draft.root), "\n");
  return draft;
}

// --- doing it ------------------------------------------------------------------------------------------------------------
class Creator {
 public:
  explicit Creator(const Draft& draft)
      : draft_(draft), directory_(draft.container.directory()), new_directory_(draft.container) {}

  Status run() {
    TRY(new_directory_.claim(existing()));
    if (draft_.container.defined()) earlier_kind_ = TRY(sys::kind_of(draft_.container.config_file()));
    TRY_CONTEXT(write_config(draft_.text), "cannot write the configuration");
    if (!draft_.root.empty()) TRY(make_root());
    TRY(check_wanted());
    if (!draft_.template_path.empty()) TRY(fill_root());
    if (!draft_.root.empty()) TRY(draft_.store->moved(draft_.root, {directory_, draft_.container.name()}));
    // The configuration alone is on its device already.
    if (!draft_.template_path.empty()) TRY(sync_container(directory_, draft_.store, draft_.root));
    TRY(check_wanted());
    TRY(new_directory_.complete());
    // It is whole now, and stays so: a journal that can't be removed says nothing any more.
    static_cast<void>(forget_roots(directory_));
    return {};
  }

  // Takes back what run() made, and nothing else.
  Status undo() {
    if (made_root_) TRY(draft_.store->destroy(draft_.root));
    if (recorded_) TRY(forget_undone_roots(directory_));
    return new_directory_.undo();
  }

 private:
  [[nodiscard]] Status check_wanted() const { return draft_.cancelled() ? fail("the work was cancelled", ECANCELED) : Status{}; }

  [[nodiscard]] NewDirectory::Existing existing() const {
    const bool only_configured = draft_.over_definition && !sys::exists(draft_.root);
    return only_configured ? NewDirectory::Existing::kDefinition : NewDirectory::Existing::kDirectory;
  }

  // Owner, permissions and access list of a configuration that was there before stay.
  Status write_config(const std::string& text) {
    const std::string path = draft_.container.config_file();
    return earlier_kind_ ? sys::replace_file_like(path, text, *earlier_kind_) : sys::replace_file(path, text, kConfigMode);
  }

  // A directory that is there already is taken as it is.
  Status make_root() {
    const storage::Traits& traits = draft_.store->traits();
    const bool directory = traits.in_directory && !traits.is_block && !traits.can_snapshot;
    if (directory && draft_.store->owns(draft_.root)) return {};
    // What lies in a container's directory goes with it, as far as it is made of nothing but files.
    if (!directory || !os::is_below(draft_.root, directory_)) {
      TRY(record_root(directory_, *draft_.store, draft_.root));
      recorded_ = true;
    }
    auto made = forget_if_taken(directory_, *draft_.store, draft_.root, draft_.store->create(draft_.root, draft_.specs));
    made_root_ = made.has_value();  // else it took back what it made
    return with_context(std::move(made), "cannot make the root file system");
  }

  Status fill_root() {
    storage::View root =
        TRY(storage::View::open(TRY(draft_.store->attach(draft_.root, storage::Access::kWrite)), storage::Access::kWrite));
    {
      const RootNamespace place = TRY(RootNamespace::open(root, directory_ + "/rootfs"));
      TRY(run_template(place));
    }
    TRY_CONTEXT(root.close(), "cannot let go of the root file system");
    return finish_config();
  }

  Status run_template(const RootNamespace& place) {
    HostProgram program;
    program.arguments = {draft_.template_path, "--path=" + directory_, "--name=" + draft_.container.name(),
                         "--rootfs=" + place.directory()};
    program.mounts = place.mounts();
    program.arguments.insert(program.arguments.end(), draft_.template_args.begin(), draft_.template_args.end());
    program.environment = own_environment();
    program.quiet = draft_.quiet;
    program.progress = draft_.progress;
    const HostOutcome outcome = TRY_CONTEXT(run_host_program(program), "cannot run the template");
    TRY(check_wanted());
    if (outcome.status != 0)
      return fail(Error::message(strings::cat("the template ", describe_wait_status(outcome.status)), EIO)
                      .because(draft_.template_path + " says why, above")
                      .hint("everything that was made has been removed; repair the cause and create again"));
    return {};
  }

  // Puts LXC's header before what the template left, adds the host name unless the template did, and proves that it can be read.
  Status finish_config() {
    const std::string path = draft_.container.config_file();
    std::string text = with_line_end(header() + TRY(sys::read_file(path)));
    config::Conf conf;
    TRY_CONTEXT(config::load_text(conf, text, path), "the template left a configuration that cannot be read");
    if (conf.uts_name.empty()) text += strings::cat("lxc.uts.name = ", draft_.container.name(), "\n");
    return write_config(text);
  }

  [[nodiscard]] std::string header() const {
    const auto program = sys::read_file(draft_.template_path);
    return strings::cat("# Template used to create this container: ", draft_.template_path,
                        "\n# Parameters passed to the template: ", strings::join(draft_.template_args, " "),
                        "\n# Template script checksum (SHA-1): ", program ? sha1_hex(*program) : "unknown",
                        "\n# For additional config options, please look at lxc.container.conf(5)\n\n"
                        "# Uncomment the following line to support nesting containers:\n"
                        "#lxc.include = /usr/share/lxc/config/nesting.conf\n"
                        "# (Be aware this has security implications)\n\n");
  }

  const Draft& draft_;
  std::string directory_;
  NewDirectory new_directory_;
  std::optional<sys::FileKind> earlier_kind_;
  bool recorded_ = false, made_root_ = false;
};

}  // namespace

Status create(const CreateRequest& request) {
  auto draft = prepare(request);
  if (!draft) return fail(std::move(draft.error()).context("cannot create"));
  Creator creator(*draft);
  auto outcome = creator.run();
  if (outcome) return {};
  Error error = std::move(outcome.error()).context("cannot create");
  if (const auto undone = creator.undo(); !undone) error = with_way_out(std::move(error), draft->container, undone.error());
  return fail(std::move(error));
}

}  // namespace berth::runtime
