# widelimit_add_module(name SOURCES … PUBLIC … PRIVATE …)
#   A library of sources in src/<name>/ whose public headers are include/widelimit/<name>/.
#   A module links the modules it uses, so that a forbidden dependency does not link.
# widelimit_add_test(module name [NP 1 2 4] [LINK …])
#   Builds tests/unit/<module>/<name>.cpp; with NP it runs under MPI once for each rank count.
include(CMakeParseArguments)

add_library(widelimit_options INTERFACE)
target_compile_features(widelimit_options INTERFACE cxx_std_20)
target_compile_options(widelimit_options INTERFACE
  -Wall -Wextra $<$<NOT:$<BOOL:${Kokkos_ENABLE_CUDA}>>:-Wpedantic> $<$<BOOL:${WIDELIMIT_WARNINGS_AS_ERRORS}>:-Werror>
  # How vectors of lanes are passed depends on the processor built for; none leaves a translation unit.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-psabi>
  # GCC 12 warns of overlapping copies in its own std::string (its bug 105651).
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>
  # Clang warns of each loop marked as SIMD that it leaves as it is.
  $<$<CXX_COMPILER_ID:Clang,AppleClang>:-Wno-pass-failed>
  # Kernels test no errno and no floating-point trap; without these a square root or a select does not vectorise.
  -fno-math-errno -fno-trapping-math
  $<$<BOOL:${WIDELIMIT_NATIVE}>:-march=native>)
if(Kokkos_ENABLE_CUDA)
  # With the CUDA compiler fmt 9 takes half of its functions for constexpr, and checks of format strings fail.
  target_compile_options(widelimit_options INTERFACE --expt-relaxed-constexpr)
  target_compile_definitions(widelimit_options INTERFACE FMT_USE_CONSTEXPR=1 FMT_CONSTEVAL=)
endif()
if(WIDELIMIT_NATIVE AND CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  target_compile_options(widelimit_options INTERFACE -mprefer-vector-width=512)
endif()
if(WIDELIMIT_SANITIZE)
  target_compile_options(widelimit_options INTERFACE -fsanitize=${WIDELIMIT_SANITIZE} -fno-omit-frame-pointer
                         -fno-sanitize-recover=all)
  target_link_options(widelimit_options INTERFACE -fsanitize=${WIDELIMIT_SANITIZE})
endif()

function(widelimit_add_module name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(widelimit_${name} STATIC ${ARG_SOURCES})
  add_library(widelimit::${name} ALIAS widelimit_${name})
  target_include_directories(widelimit_${name}
    PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>
    PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_compile_features(widelimit_${name} PUBLIC cxx_std_20)
  # The options are those of this build alone: a project that uses the installed library chooses its own.
  target_link_libraries(widelimit_${name} PUBLIC ${ARG_PUBLIC} PRIVATE $<BUILD_INTERFACE:widelimit_options> ${ARG_PRIVATE})
  set_target_properties(widelimit_${name} PROPERTIES POSITION_INDEPENDENT_CODE ON EXPORT_NAME ${name})
  set_property(GLOBAL APPEND PROPERTY WIDELIMIT_MODULES widelimit_${name})
endfunction()

function(widelimit_add_test module name)
  cmake_parse_arguments(ARG "" "" "NP;LINK" ${ARGN})
  set(target test_${module}_${name})
  add_executable(${target} ${PROJECT_SOURCE_DIR}/tests/unit/${module}/${name}.cpp)
  target_link_libraries(${target} PRIVATE widelimit_test_support widelimit::${module} widelimit_options ${ARG_LINK})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src)
  if(NOT ARG_NP)
    set(ARG_NP 1)
  endif()
  foreach(np IN LISTS ARG_NP)
    add_test(NAME unit.${module}.${name}.np${np}
             COMMAND ${MPIEXEC_EXECUTABLE} ${WIDELIMIT_MPI_TEST_FLAGS} ${MPIEXEC_NUMPROC_FLAG} ${np} $<TARGET_FILE:${target}>)
    set_tests_properties(unit.${module}.${name}.np${np} PROPERTIES LABELS unit PROCESSORS ${np} TIMEOUT 600
      ENVIRONMENT "OMP_NUM_THREADS=1;OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1")
  endforeach()
endfunction()
