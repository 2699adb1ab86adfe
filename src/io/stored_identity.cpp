#include "widelimit/io/stored_identity.hpp"

#include "widelimit/io/file.hpp"
#include "widelimit/runtime/agree.hpp"

#include "io/detail/structure.hpp"

namespace widelimit::io {
namespace {

constexpr char const* group_name = "/checkpoint";

}  // namespace

void write_identity(ResultsWriter& file, Identity const& identity) {
  file.attribute(group_name, "input", identity.input);
  file.attribute(group_name, "program_version", identity.program_version);
  file.attribute(group_name, "format_version", identity.format);
}

void require_identity(runtime::Communicator const& comm, std::string const& file,
                      Identity const& now) {
  runtime::agree_on_root(comm, [&] {
    FileHandle const handle = open_to_read(file);
    if (!exists(handle.get(), group_name)) {
      throw InputError(file + " holds no checkpoint; remove it, or name another checkpoint.file");
    }
    GroupHandle const group = detail::open_group(handle.get(), group_name);
    Identity const stored{detail::text_attribute(group.get(), "input"),
                          detail::text_attribute(group.get(), "program_version"),
                          detail::text_attribute(group.get(), "format_version")};
    require_same(stored, now, file);
  });
}

}  // namespace widelimit::io
