# Runs the script SCRIPT on a repository made in WORK_DIR: the header follows the revision, and is left alone while
# that stays the same.
set(header ${WORK_DIR}/revision.hpp)
set(repository ${WORK_DIR}/repository)
file(REMOVE_RECURSE ${WORK_DIR})
file(MAKE_DIRECTORY ${repository})

function(expect pattern)
  execute_process(COMMAND ${CMAKE_COMMAND} -D SOURCE_DIR=${repository} -D HEADER=${header} -P ${SCRIPT}
                  COMMAND_ERROR_IS_FATAL ANY)
  file(READ ${header} content)
  if(NOT content MATCHES "#define WIDELIMIT_REVISION_TEXT \"${pattern}\"\n")
    message(FATAL_ERROR "expected the revision '${pattern}' in\n${content}")
  endif()
endfunction()
function(git)
  execute_process(COMMAND git -c user.name=test -c user.email=test@localhost -c commit.gpgsign=false ${ARGN}
                  WORKING_DIRECTORY ${repository} OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
endfunction()

expect(unknown)
git(init -q)
file(WRITE ${repository}/file "1")
git(add file)
git(commit -q -m first)
expect("[0-9a-f]+")

file(TIMESTAMP ${header} before "%s")
execute_process(COMMAND ${CMAKE_COMMAND} -E sleep 1.1)
expect("[0-9a-f]+")
file(TIMESTAMP ${header} after "%s")
if(NOT before STREQUAL after)
  message(FATAL_ERROR "the header was written anew although nothing had changed")
endif()

file(WRITE ${repository}/file "2")
expect("[0-9a-f]+-dirty")
