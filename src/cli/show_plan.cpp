// Runs in: host commands.
#include "cli/show_plan.hpp"

#include "cli/report.hpp"
#include "plan/plan.hpp"

namespace berth::cli {

Result<int> show_plan(const runtime::Container& container, const runtime::StartRequest& request, std::string_view form) {
  const plan::Plan plan = TRY(container.plan(request));
  const std::string text = form == "json" ? plan::to_json(plan) : plan::to_text(plan);
  print(text);
  if (!text.ends_with('\n')) print("\n");
  return 0;
}

}  // namespace berth::cli
