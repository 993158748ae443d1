// Runs in: host commands.
#include "cli/completion.hpp"

#include <algorithm>
#include <array>

#include "base/strings.hpp"
#include "cli/commands.hpp"
#include "cli/config_words.hpp"
#include "config/key_table.hpp"
#include "storage/backing_store.hpp"

namespace berth::cli {
namespace {

// What completes the value that an option's help calls so. The script knows the words on the right.
struct ValueKind {
  std::string_view placeholder, kind;
};
constexpr auto kKinds = std::to_array<ValueKind>({{"FILE", "file"},
                                                  {"CONFIG", "file"},
                                                  {"TEMPLATE", "file"},
                                                  {"DIR", "directory"},
                                                  {"PATH", "directory"},
                                                  {"LEVEL", "level"},
                                                  {"STATE", "state"},
                                                  {"FORM", "form"},
                                                  {"KEY", "key"},
                                                  {"SORT", "sort"},
                                                  {"HOW", "progress"},
                                                  {"BDEV", "bdev"},
                                                  {"FSTYPE", "fstype"},
                                                  {"KIND", "compression"},
                                                  {"SNAPSHOT", "snapshot"},
                                                  {"KEY=VAL", "setting"}});

std::string_view kind_of(const Option& option) {
  if (option.takes == Takes::kNothing) return "-";
  if (std::string_view(option.name) == "name") return "container";
  const auto found = std::ranges::find(kKinds, std::string_view(option.value), &ValueKind::placeholder);
  return found == kKinds.end() ? "any" : found->kind;
}

// The containers that a command has something to do with, as an option of lxc-ls; the others take any.
struct Selection {
  std::string_view command, option;
};
constexpr auto kSelections = std::to_array<Selection>({{"start", "--stopped"},
                                                       {"execute", "--stopped"},
                                                       {"attach", "--running"},
                                                       {"console", "--running"},
                                                       {"freeze", "--running"},
                                                       {"device", "--running"},
                                                       {"unfreeze", "--frozen"},
                                                       {"cgroup", "--active"},
                                                       {"stop", "--active"}});

bool has_option(const Command& command, std::string_view name) {
  return std::ranges::any_of(command.options, [&](const Option& row) { return name == row.name; });
}

bool has_letter(const Command& command, char letter) {
  return std::ranges::any_of(command.options, [&](const Option& row) { return letter != 0 && row.letter == letter; });
}

// "--name:n:container": long name, letter, kind of the value; '?' before the kind of one that can be left out.
void append_option(std::string& text, const Option& option, char letter) {
  if (*option.help == '\0') return;
  text += strings::cat(" --", option.name, ':');
  if (letter != 0) text += letter;
  text += strings::cat(':', option.takes == Takes::kOptionalValue ? "?" : "", kind_of(option));
}

std::string options_of(const Command& command) {
  std::string text;
  for (const Option& option : command.options) append_option(text, option, option.letter);
  for (const Option& option : common_options()) {
    const bool misplaced = !command.takes_name && std::string_view(option.name) == "name";
    if (!misplaced && !has_option(command, option.name))
      append_option(text, option, has_letter(command, option.letter) ? '\0' : option.letter);
  }
  return std::string(strings::trim(text));
}

std::string tables() {
  std::string names, links, options, selections, keys, words, kinds;
  for (const Command* command : commands()) {
    names += strings::cat(' ', command->name);
    if (!command->own) links += strings::cat(' ', command->name);
    options += strings::cat("  [", command->name, "]='", options_of(*command), "'\n");
  }
  for (const Selection& selection : kSelections) selections += strings::cat(" [", selection.command, "]=", selection.option);
  for (const config::KeySection& section : config::key_sections()) {
    for (const config::Key& key : section.keys) keys += strings::cat(' ', key.name, key.is(config::kPrefix) ? "." : "");
  }
  for (const config::Key& key : config::network_keys()) keys += strings::cat(" lxc.net.0.", key.name.substr(10));
  for (const storage::BackingStore* store : storage::stores())
    if (store->traits().can_create) kinds += strings::cat(' ', store->traits().name);
  for (const std::string_view word : config_words()) words += strings::cat(' ', word);
  return strings::cat("_berth_commands='", strings::trim(names), "'\n_berth_links='", strings::trim(links),
                      "'\n_berth_config_words='", strings::trim(words), "'\n_berth_keys='", strings::trim(keys),
                      "'\n_berth_bdevs='", strings::trim(kinds), "'\ndeclare -gA _berth_selections=(", strings::trim(selections),
                      ")\ndeclare -gA _berth_options=(\n", options, ")\n");
}

std::string without_name() {
  std::string text;
  for (const Command* command : commands()) {
    if (!command->takes_name) text += strings::cat(text.empty() ? "" : "|", command->name);
  }
  return text;
}

constexpr std::string_view kFunctions = R"bash(
# The row of an option as it was typed: "--name:n:container".
_berth_row() {
  local row
  for row in ${_berth_options[$1]:-}; do
    [[ $2 == "${row%%:*}" || ( $2 == -? && $row == *":${2#-}:"* ) ]] && printf '%s\n' "$row" && return
  done
}

# Takes the words typed so far for what they are: sets name (the container's, where it was named), path (-P) and rest (was "--" typed?).
_berth_scan() {
  local i word row
  name='' path='' rest=''
  for ((i = $2; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    case $word in
    --) rest=1; return ;;
    -*)
      row=$(_berth_row "$1" "$word")
      [[ ${row##*:} == - || ${row##*:} == \?* || -z $row ]] && continue
      [[ ${COMP_WORDS[i + 1]:-} == = ]] && ((i++))
      ((i++))
      [[ ${row%%:*} == --name && i -lt COMP_CWORD ]] && name=${COMP_WORDS[i]}
      [[ ${row%%:*} == --lxcpath && i -lt COMP_CWORD ]] && path=${COMP_WORDS[i]}
      ;;
    *) name=${name:-$word} ;;
    esac
  done
}

_berth_reply() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2"); compopt +o default 2>/dev/null; }

_berth_containers() {
  local -a where=()
  [[ -z $path ]] || where=(-P "$path")
  _berth_reply "$("${lister[@]}" "${where[@]}" -1 ${_berth_selections[$1]:-} 2>/dev/null)" "$2"
}

# Of the container that was named.
_berth_snapshots() {
  local -a where=()
  [[ -z $path ]] || where=(-P "$path")
  local names
  names=$("${snapper[@]}" "${where[@]}" -n "${name:-.}" --list 2>/dev/null | sed -n 's/^\([^ ]*\) (.*/\1/p')
  [[ $3 != --destroy && $3 != -d ]] || names+=$'\nALL'
  _berth_reply "$names" "$2"
}

# The values of an option. What stays empty is left to bash: files.
_berth_value() {
  case $2 in
  container) _berth_containers "$1" "$3" ;;
  directory) mapfile -t COMPREPLY < <(compgen -d -- "$3") ;;
  level) _berth_reply 'TRACE DEBUG INFO NOTICE WARN ERROR CRIT ALERT FATAL' "$3" ;;
  state) _berth_reply 'STOPPED STARTING RUNNING STOPPING ABORTING FREEZING FROZEN THAWED' "$3" ;;
  form) _berth_reply 'text json' "$3" ;;
  sort) _berth_reply 'n c b m s k p t' "$3" ;;
  bdev) if [[ $1 == copy ]]; then _berth_reply "$_berth_bdevs" "$3"; else _berth_reply "$_berth_bdevs best" "$3"; fi ;;
  fstype) _berth_reply 'ext4 xfs btrfs ext3 ext2 f2fs' "$3" ;;
  compression) _berth_reply 'zst gz xz none' "$3" ;;
  snapshot) _berth_snapshots "$1" "$3" "$4" ;;
  progress) _berth_reply 'auto bar plain json none' "$3" ;;
  key) _berth_reply "$_berth_keys" "$3" ;;
  setting)
    _berth_reply "$_berth_keys" "$3"
    compopt -o nospace 2>/dev/null
    [[ ${#COMPREPLY[@]} != 1 || ${COMPREPLY[0]} == *. ]] || COMPREPLY=("${COMPREPLY[0]}=")
    ;;
  any) compopt +o default 2>/dev/null ;;
  esac
}

_berth_list_options() {
  local row words=''
  for row in ${_berth_options[$1]:-}; do words+=" ${row%%:*}"; done
  _berth_reply "$words" "$2"
}

# [NAME] add|del DEVICE: what comes is told by what stands there.
_berth_device() {
  case " ${COMP_WORDS[*]:0:COMP_CWORD} " in
  *' add '* | *' del '*)
    [[ $1 == /* ]] && return
    local interfaces=(/sys/class/net/*)
    _berth_reply "${interfaces[*]##*/}" "$1"
    ;;
  *) if [[ -n $name ]]; then _berth_reply 'add del' "$1"; else _berth_containers device "$1"; fi ;;
  esac
}

# list | usage [NAME...] | resize NAME SIZE
_berth_storage() {
  case $name in
  '') _berth_reply 'list usage resize' "$1" ;;
  usage) _berth_containers storage "$1" ;;
  resize) [[ ${COMP_WORDS[COMP_CWORD - 1]} == resize ]] && _berth_containers storage "$1" ;;
  esac
}

_berth_argument() {
  case $1 in
  storage) _berth_storage "$2" ;;
  config)
    if ((COMP_CWORD == $3)); then _berth_reply "$_berth_config_words" "$2"; return; fi
    case ${COMP_WORDS[$3]} in
    explain) _berth_reply "$_berth_keys" "$2" ;;
    show) [[ -n ${COMP_WORDS[$3 + 1]:-} && COMP_CWORD -gt $3+1 ]] && _berth_reply "$_berth_keys" "$2" || _berth_containers config "$2" ;;
    generate)
      if [[ ${COMP_WORDS[COMP_CWORD - 1]} == man ]]; then _berth_reply "$_berth_commands" "$2"; else _berth_reply 'man schema words completion' "$2"; fi
      ;;
    esac
    ;;
  device) _berth_device "$2" ;;
  @WITHOUT_NAME@) ;;
  *) [[ -n $name || -n $rest ]] || _berth_containers "$1" "$2" ;;
  esac
}

_berth() {
  local program=${1##*/} command current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} first=1
  local name path rest row given=''
  local -a lister=(lxc-ls) snapper=(lxc-snapshot)
  COMPREPLY=()
  if [[ $program == berth ]]; then
    if ((COMP_CWORD == 1)); then _berth_reply "$_berth_commands" "$current"; return; fi
    command=${COMP_WORDS[1]} first=2 lister=("$1" ls) snapper=("$1" snapshot)
  else
    command=${program#lxc-}
  fi
  _berth_scan "$command" "$first"
  # "--option=value" is three words to bash.
  if [[ $current == = ]]; then current='' given=$previous; elif [[ $previous == = ]]; then given=${COMP_WORDS[COMP_CWORD - 2]}; fi
  row=$(_berth_row "$command" "${given:-$previous}")
  if [[ -z $rest && -n $row && ${row##*:} != - && ( -n $given || ${row##*:} != \?* ) ]]; then
    row=${row##*:}
    _berth_value "$command" "${row#\?}" "$current" "${given:-$previous}"
  elif [[ -n $given ]]; then
    compopt +o default 2>/dev/null  # the value behind "-s KEY="
  elif [[ -z $rest && $current == -* ]]; then
    _berth_list_options "$command" "$current"
  else
    _berth_argument "$command" "$current" "$first"
  fi
}

complete -o default -F _berth berth
for _berth_name in $_berth_links; do complete -o default -F _berth "lxc-$_berth_name"; done
unset _berth_name
)bash";

}  // namespace

std::string bash_completion() {
  std::string functions{kFunctions};
  constexpr std::string_view kMark = "@WITHOUT_NAME@";
  functions.replace(functions.find(kMark), kMark.size(), without_name());
  return strings::cat("# Completion for bash of berth and the lxc-* commands. Made by `berth config generate completion`.\n\n",
                      tables(), functions);
}

}  // namespace berth::cli
