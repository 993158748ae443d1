// Runs in: host commands.
#include "cli/manual.hpp"

#include <algorithm>
#include <array>

#include "base/strings.hpp"

namespace berth::cli {
namespace {

// Written in man(7). Sections behind the options.
struct MoreText {
  std::string_view command, text;
};

constexpr std::string_view kExport = R"roff(.SH NOTES
The archive holds the root file system (not what is mounted in it), the configuration, and the files of the container's directory
that the configuration names. It is readable by its owner alone, as the container's passwords are in it.
.PP
It is written as FILE.partial and gets its name when all of it is on the disk. What is no regular file (a device, a FIFO, a
directory) is never replaced, and a symbolic link stays one.
.PP
A container that is stopped can't start until it is packed. One that runs is packed from a snapshot where its storage has them
(btrfs, zfs, thin LVM); its files are copied while it is frozen where they lie in directories (dir, overlay); else it must be
stopped first.
.B \-\-no\-freeze
copies the files of a running container as they are when they are read: files that belong together may be of different moments.
.SH EXAMPLES
.nf
berth export web1 web1.tar.zst
berth export web1 \-\-snapshots web1.tar.zst
berth export web1 \- | ssh other berth import \-
berth export web1 \- > /dev/st0
.fi
)roff";

constexpr std::string_view kImport = R"roff(.SH NOTES
The new container is complete, and the archive proved to be whole, or it is not there. What a killed import leaves goes when it is
repeated, or by
.BR lxc\-destroy (1).
.PP
Under its own name it is the same container again. Under NEWNAME it is a copy with a host name and MAC addresses of its own.
.PP
Without
.B \-\-bdev
the root file system is of the kind, size and type that it was, where this host can make it, and else a directory, which is told.
An option of another kind of storage is refused.
.PP
The configuration of a container can run programs on the host. Look at it
.RB ( "berth config show" )
before you start a container that somebody else packed.
.SH EXAMPLES
.nf
berth import web1.tar.zst
berth import web1.tar.zst web2 \-B loop \-\-fssize 4G
.fi
)roff";

constexpr std::string_view kStorage = R"roff(.SH NOTES
.B list
tells for each kind what it can do and whether a root can be made of it here.
.B usage
tells bytes in use, the limit (size of the file system, or a quota), and what would be free without the container, where the kind
knows it.
.B resize
gives a root another size or limit; none takes a limit away. It is never made smaller than what is in it.
.SH EXAMPLES
.nf
berth storage list
berth storage usage web1 \-\-json
berth storage resize web1 10G
.fi
)roff";

constexpr std::string_view kDoctor = R"roff(.SH NOTES
Without
.B \-\-repair
it changes nothing. What belongs to an operation that is under way is left alone. What is ambiguous is told and never touched.
.SH EXAMPLES
.nf
berth doctor
berth doctor web1 \-\-repair
.fi
)roff";

constexpr auto kMore =
    std::to_array<MoreText>({{"export", kExport}, {"import", kImport}, {"storage", kStorage}, {"doctor", kDoctor}});

std::string lines(std::string_view text) {
  std::string out;
  for (const std::string_view line : strings::split(text, '\n')) out += roff(line) + "\n";
  return out;
}

void append_option(std::string& out, const Option& row, bool with_letter) {
  if (*row.help == '\0') return;
  out += ".TP\n";
  if (row.letter != 0 && with_letter) out += strings::cat("\\fB\\-", row.letter, "\\fR, ");
  out += strings::cat("\\fB\\-\\-", roff(row.name), "\\fR");
  if (row.takes == Takes::kValue) out += strings::cat("=\\fI", roff(row.value), "\\fR");
  if (row.takes == Takes::kOptionalValue) out += strings::cat("[=\\fI", roff(row.value), "\\fR]");
  out += "\n" + lines(row.help);
}

std::string options_of(const Command& command) {
  std::string out = ".SH OPTIONS\n";
  for (const Option& row : command.options) append_option(out, row, true);
  for (const Option& row : common_options()) {
    const bool replaced =
        std::ranges::any_of(command.options, [&](const Option& own) { return std::string_view(own.name) == row.name; });
    const bool letter_taken =
        std::ranges::any_of(command.options, [&](const Option& own) { return row.letter != 0 && own.letter == row.letter; });
    const bool misplaced = !command.takes_name && std::string_view(row.name) == "name";
    if (!replaced && !misplaced) append_option(out, row, !letter_taken);
  }
  return out;
}

}  // namespace

std::string roff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
  }
  // A line that begins so would be a request.
  return !out.empty() && (out.front() == '.' || out.front() == '\'') ? "\\&" + out : out;
}

std::string manual_page(const Command& command) {
  const std::string page = strings::cat(command.own ? "berth-" : "lxc-", command.name);
  const std::string program = command.own ? strings::cat("berth ", command.name) : page;
  std::string out = strings::cat(".TH ", roff(page), " 1 \"\" berth \"User commands\"\n.SH NAME\n", roff(page), " \\- ",
                                 roff(command.summary), "\n.SH SYNOPSIS\n.B ", roff(program), "\n", roff(command.synopsis),
                                 "\n.SH DESCRIPTION\n", lines(command.description), options_of(command));
  const auto more = std::ranges::find(kMore, std::string_view(command.name), &MoreText::command);
  if (more != kMore.end()) out += more->text;
  return out + ".SH SEE ALSO\n.BR lxc.container.conf (5)\n";
}

}  // namespace berth::cli
