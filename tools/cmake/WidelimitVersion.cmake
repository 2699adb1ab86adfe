# version.hpp carries the git revision; it is renewed at every configure.
execute_process(COMMAND git describe --always --dirty --abbrev=10 WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
                OUTPUT_VARIABLE WIDELIMIT_REVISION OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT WIDELIMIT_REVISION)
  set(WIDELIMIT_REVISION unknown)
endif()
