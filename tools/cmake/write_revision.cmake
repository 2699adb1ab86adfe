# cmake -D SOURCE_DIR=… -D HEADER=… -P write_revision.cmake
#   Writes HEADER with the git revision of SOURCE_DIR ("unknown" outside a repository) unless it says so already.
set(revision unknown)
# Sources that were unpacked inside another repository must not take that one's revision.
if(EXISTS ${SOURCE_DIR}/.git)
  execute_process(COMMAND git describe --always --dirty --abbrev=10 WORKING_DIRECTORY ${SOURCE_DIR}
                  OUTPUT_VARIABLE described OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(described)
    set(revision ${described})
  endif()
endif()
# Writes only where the content differs.
file(CONFIGURE OUTPUT ${HEADER} CONTENT [[
/// \file
/// The git revision of the sources.
#pragma once

#define WIDELIMIT_REVISION_TEXT "@revision@"
]] @ONLY)
