// Runs in: host commands.
#include <algorithm>

#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/report.hpp"
#include "runtime/doctor.hpp"
#include "sys/file.hpp"

namespace berth::cli {
namespace {

constexpr int kFound = 1, kNotLooked = 2;

struct DoctorOptions : Common {
  bool all = false, repair = false, json = false;
};

constexpr Option kOptions[] = {
    {"all", 0, Takes::kNothing, "", "look at every container (as without a name)", set_flag<&DoctorOptions::all>},
    {"repair", 'y', Takes::kNothing, "", "end or remove what is left; what is ambiguous is only told",
     set_flag<&DoctorOptions::repair>},
    {"json", 0, Takes::kNothing, "", "tell it as JSON", set_flag<&DoctorOptions::json>},
};

std::string as_text(const std::vector<runtime::Finding>& findings, bool repair) {
  if (findings.empty()) return "nothing to repair\n";
  std::string text;
  for (const auto& finding : findings) {
    text += strings::cat(finding.directory, ": ", finding.what, "\n");
    if (finding.repaired)
      text += strings::cat("  done: ", finding.remedy, "\n");
    else if (!finding.failure.empty())
      text += strings::cat("  failed: ", finding.remedy, ": ", finding.failure, "\n");
    else
      text += finding.remedy.empty() ? "  look at it yourself: nothing is done to it\n"
                                     : strings::cat("  would: ", finding.remedy, repair ? "" : " (--repair)", "\n");
  }
  return text;
}

// null where there is none.
void write_text(JsonWriter& json, const std::string& text) { text.empty() ? json.null() : json.value(text); }

std::string as_json(const std::vector<runtime::Finding>& findings) {
  JsonWriter json;
  json.begin_array();
  for (const auto& finding : findings) {
    json.begin_object().key("directory").value(finding.directory).key("what").value(finding.what);
    write_text(json.key("remedy"), finding.remedy);
    write_text(json.key("repaired").value(finding.repaired).key("failure"), finding.failure);
    json.end_object();
  }
  json.end_array();
  return json.take();
}

Result<std::vector<runtime::Finding>> look(const DoctorOptions& options) {
  TRY(refuse_more_arguments(options));
  if (options.all && !options.name.empty()) return fail("--all and a name exclude each other");
  if (options.name.empty()) {
    auto findings = TRY(runtime::examine_all(TRY(lxcpath_of(options)), options.repair));
    auto host = TRY(runtime::examine_host(options.repair));
    std::ranges::move(host, std::back_inserter(findings));
    return findings;
  }
  const auto container = TRY(open_container(options));
  if (!sys::exists(container.directory())) return fail(no_such_container(container));
  return runtime::examine(container, options.repair);
}

Result<int> doctor(DoctorOptions& options) {
  const auto findings = look(options);
  if (!findings) {
    report(options, findings.error());
    return kNotLooked;
  }
  print(options.json ? as_json(*findings) : as_text(*findings, options.repair));
  const bool well = std::ranges::all_of(*findings, [](const auto& finding) { return finding.repaired; });
  return well ? 0 : kFound;
}

}  // namespace

int run_doctor(int argc, char** argv) { return run_command<DoctorOptions>(kDoctor, argc, argv, doctor); }

const Command kDoctor = {.name = "doctor",
                         .synopsis = "[NAME | --all] [-y] [--json]",
                         .summary = "find and repair what killed operations left",
                         .description =
                             "look for what killed or failed operations left of the container NAME, or of all;\n"
                             "exit status: 0 nothing found, or all repaired; 1 something is left; 2 it could not look",
                         .options = kOptions,
                         .run = run_doctor,
                         .takes_name = true,
                         .name_required = false,
                         .own = true};

}  // namespace berth::cli
