// Runs in: host commands.
#include "cli/top_table.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <tuple>

#include "base/strings.hpp"

namespace berth::cli {
namespace {

using runtime::Rate;
using Number = std::optional<std::uint64_t>;

// --- numbers -----------------------------------------------------------------------------------------------------------

template <typename... Values>
std::string formatted(const char* format, Values... values) {
  char text[96];
  const int length = std::snprintf(text, sizeof text, format, values...);
  return {text, std::min(static_cast<std::size_t>(length), sizeof text - 1)};
}

// As LXC writes them in this table: "  1.95 MiB", "  0.00   ".
std::string size_text(double bytes) {
  constexpr auto kUnits = std::to_array<const char*>({"  ", "KiB", "MiB", "GiB", "TiB"});
  std::size_t unit = 0;
  for (; bytes >= 1024 && unit + 1 < kUnits.size(); ++unit) bytes /= 1024;
  return formatted("%6.2f %s", bytes, kUnits[unit]);
}
std::string size_text(Number bytes) { return size_text(static_cast<double>(bytes.value_or(0))); }
std::string rate_text(const Rate& rate) { return rate ? size_text(*rate) : "-"; }
std::string seconds_text(Number nanoseconds) { return formatted("%.2f", static_cast<double>(nanoseconds.value_or(0)) / 1e9); }

// --- one container, or the sum of several --------------------------------------------------------------------------------

struct Figures {
  cgroup::Load load;
  runtime::Rates rates;
};

Number memory_and_swap(const cgroup::Stats& stats) {
  if (!stats.memory || !stats.swap) return std::nullopt;
  return *stats.memory + *stats.swap;
}

void add(Number& sum, Number value) {
  if (value) sum = sum.value_or(0) + *value;
}

void add(Rate& sum, const Rate& value) {
  if (value) sum = sum.value_or(0) + *value;
}

Figures sum_of(const std::vector<TopRow>& rows) {
  Figures sum;
  for (const TopRow& row : rows) {
    const cgroup::Load& load = row.usage->load;
    add(sum.load.stats.cpu_ns, load.stats.cpu_ns);
    add(sum.load.stats.memory, load.stats.memory);
    add(sum.load.stats.swap, load.stats.swap);
    add(sum.load.stats.kernel_memory, load.stats.kernel_memory);
    add(sum.load.cpu_user_ns, load.cpu_user_ns);
    add(sum.load.cpu_system_ns, load.cpu_system_ns);
    add(sum.load.blkio_total, load.blkio_total);
    add(sum.load.blkio_read, load.blkio_read);
    add(sum.load.blkio_written, load.blkio_written);
    add(sum.load.processes, load.processes);
    add(sum.rates.cpu, row.rates->cpu);
    add(sum.rates.received, row.rates->received);
    add(sum.rates.sent, row.rates->sent);
  }
  return sum;
}

// --- columns -----------------------------------------------------------------------------------------------------------

std::string cpu_text(const Figures& f) { return seconds_text(f.load.stats.cpu_ns); }
std::string system_text(const Figures& f) { return seconds_text(f.load.cpu_system_ns); }
std::string user_text(const Figures& f) { return seconds_text(f.load.cpu_user_ns); }
std::string blkio_text(const Figures& f) {
  return strings::cat(size_text(f.load.blkio_total), '(', size_text(f.load.blkio_read), '/', size_text(f.load.blkio_written),
                      ')');
}
std::string memory_text(const Figures& f) { return size_text(f.load.stats.memory); }
std::string both_text(const Figures& f) { return size_text(memory_and_swap(f.load.stats)); }
std::string kernel_text(const Figures& f) { return size_text(f.load.stats.kernel_memory); }
std::string percent_text(const Figures& f) { return f.rates.cpu ? formatted("%.1f", *f.rates.cpu * 100) : "-"; }
std::string processes_text(const Figures& f) { return f.load.processes ? std::to_string(*f.load.processes) : "-"; }
std::string received_text(const Figures& f) { return rate_text(f.rates.received); }
std::string sent_text(const Figures& f) { return rate_text(f.rates.sent); }

bool has_swap(const Figures& sum) { return memory_and_swap(sum.load.stats).value_or(0) > 0; }
bool has_kernel(const Figures& sum) { return sum.load.stats.kernel_memory.value_or(0) > 0; }
bool always(const Figures&) { return true; }

struct TopColumn {
  const char *first, *second;  // the two lines of titles
  std::size_t width;
  unsigned rank;  // 0 = the last to give way to a narrow window
  std::string (*text)(const Figures& figures);
  bool (*shown)(const Figures& sum);
  std::string (*of_interface)(const runtime::InterfaceRates& rates) = nullptr;
};

constexpr std::size_t kNameWidth = 18;
constexpr auto kColumns = std::to_array<TopColumn>({
    {"CPU", "Used", 12, 0, cpu_text, always},
    {"CPU", "Sys", 12, 5, system_text, always},
    {"CPU", "User", 12, 5, user_text, always},
    {"BlkIO", "Total(Read/Write)", 36, 8, blkio_text, always},
    {"Mem", "Used", 10, 1, memory_text, always},
    {"MemSw", "Used", 10, 6, both_text, has_swap},
    {"KMem", "Used", 10, 7, kernel_text, has_kernel},
    {"CPU", "%", 7, 2, percent_text, always},
    {"Net", "Rx/s", 10, 3, received_text, always, [](const runtime::InterfaceRates& r) { return rate_text(r.received); }},
    {"Net", "Tx/s", 10, 3, sent_text, always, [](const runtime::InterfaceRates& r) { return rate_text(r.sent); }},
    {"PIDs", "", 6, 4, processes_text, always},
});

// Those that fit, in the table's order.
std::vector<const TopColumn*> choose_columns(const Figures& sum, std::size_t width) {
  std::vector<const TopColumn*> by_rank;
  for (const TopColumn& column : kColumns) {
    if (column.shown(sum)) by_rank.push_back(&column);
  }
  // Columns stand in one table: of the same rank the first one comes first.
  std::ranges::sort(by_rank, [](const TopColumn* left, const TopColumn* right) {
    return left->rank != right->rank ? left->rank < right->rank : left < right;
  });
  std::vector<const TopColumn*> chosen;
  std::size_t used = kNameWidth;
  for (const TopColumn* column : by_rank) {
    if (used + 1 + column->width > width) continue;
    used += 1 + column->width;
    chosen.push_back(column);
  }
  std::ranges::sort(chosen);  // they lie in one array
  return chosen;
}

void append_cell(std::string& line, std::string_view text, std::size_t width) {
  line += ' ';
  if (text.size() < width) line.append(width - text.size(), ' ');
  line += text;
}

// Names are cut, as LXC does; never within a character of several bytes.
std::string name_cell(std::string_view name) {
  std::string text = strings::printable(name);
  std::size_t columns = 0, at = 0;
  const auto continues = [&](std::size_t i) { return i < text.size() && (static_cast<unsigned char>(text[i]) & 0xC0U) == 0x80U; };
  while (at < text.size() && columns < kNameWidth) {
    do ++at;
    while (continues(at));
    ++columns;
  }
  text.resize(at);
  return text.append(kNameWidth - columns, ' ');
}

template <typename Cell>
std::string make_line(std::string_view name, const std::vector<const TopColumn*>& columns, Cell cell) {
  std::string line = name_cell(name);
  for (const TopColumn* column : columns) append_cell(line, cell(*column), column->width);
  return line;
}

std::string figures_line(std::string_view name, const std::vector<const TopColumn*>& columns, const Figures& figures) {
  return make_line(name, columns, [&](const TopColumn& column) { return column.text(figures); });
}

// Without the blanks that would fill the places of other columns.
std::string interface_line(const os::Link& link, const runtime::InterfaceRates& rates,
                           const std::vector<const TopColumn*>& columns) {
  std::string line = make_line(strings::cat("  ", link.name), columns, [&](const TopColumn& column) {
    return column.of_interface == nullptr ? std::string() : column.of_interface(rates);
  });
  line.resize(strings::trim_right(line).size());
  return line;
}

// --- order -------------------------------------------------------------------------------------------------------------

double zero_without(const Rate& rate) { return rate.value_or(0); }
double as_double(Number number) { return static_cast<double>(number.value_or(0)); }

struct SortKey {
  char key;
  double (*of)(const TopRow& row);  // nullptr: by name
};
constexpr auto kSortKeys = std::to_array<SortKey>({
    {'n', nullptr},
    {'c', [](const TopRow& row) { return as_double(row.usage->load.stats.cpu_ns); }},
    {'b', [](const TopRow& row) { return as_double(row.usage->load.blkio_total); }},
    {'m', [](const TopRow& row) { return as_double(row.usage->load.stats.memory); }},
    {'s', [](const TopRow& row) { return as_double(memory_and_swap(row.usage->load.stats)); }},
    {'k', [](const TopRow& row) { return as_double(row.usage->load.stats.kernel_memory); }},
    {'p', [](const TopRow& row) { return as_double(row.usage->load.processes); }},
    {'t', [](const TopRow& row) { return zero_without(row.rates->received) + zero_without(row.rates->sent); }},
});

auto by_name(const TopRow& row) { return std::tie(row.usage->name, row.usage->lxcpath); }

}  // namespace

std::string_view top_sort_keys() {
  static constexpr auto kLetters = [] {
    std::array<char, kSortKeys.size()> letters{};
    for (std::size_t i = 0; i < letters.size(); ++i) letters[i] = kSortKeys[i].key;
    return letters;
  }();
  return {kLetters.data(), kLetters.size()};
}

std::vector<TopRow> sorted_rows(const runtime::Sample& sample, const std::vector<runtime::Rates>& rates, const TopView& view) {
  std::vector<TopRow> rows;
  for (std::size_t i = 0; i < sample.usages.size(); ++i) rows.push_back({&sample.usages[i], &rates[i]});
  const auto key = std::ranges::find(kSortKeys, view.sort, &SortKey::key);
  const auto weight = [&](const TopRow& row) { return key != kSortKeys.end() && key->of != nullptr ? key->of(row) : 0.0; };
  std::ranges::sort(rows, [&](const TopRow& left, const TopRow& right) {
    const double difference = weight(left) - weight(right);
    return difference != 0 ? difference > 0 : by_name(left) < by_name(right);
  });
  if (view.reverse) std::ranges::reverse(rows);
  return rows;
}

TopTable top_table(const std::vector<TopRow>& rows, const TopView& view, std::size_t silent, std::size_t width,
                   std::size_t height) {
  constexpr std::size_t kFixedLines = 3;  // titles and the sum
  const std::size_t room = height > kFixedLines ? height - kFixedLines : 1;
  const Figures sum = sum_of(rows);
  const auto columns = choose_columns(sum, width);
  TopTable table;
  table.titles = {make_line("Container", columns, [](const TopColumn& column) { return column.first; }),
                  make_line("Name", columns, [](const TopColumn& column) { return column.second; })};
  std::size_t shown = 0;
  for (const TopRow& row : rows) {
    if (table.lines.size() >= room) break;
    table.lines.push_back(figures_line(row.usage->name, columns, {row.usage->load, *row.rates}));
    ++shown;
    for (std::size_t i = 0; view.interfaces && i < row.rates->interfaces.size() && table.lines.size() < room; ++i)
      table.lines.push_back(interface_line((*row.usage->interfaces)[i], row.rates->interfaces[i], columns));
  }
  table.lines.push_back(figures_line(strings::cat("TOTAL ", shown, " of ", rows.size() + silent), columns, sum));
  return table;
}

}  // namespace berth::cli
