# The target widelimit_revision keeps a header with the git revision of the sources. It runs at every build and
# writes the header only when the revision changed, so that nothing is compiled again without need.
set(WIDELIMIT_GENERATED_DIR ${PROJECT_BINARY_DIR}/generated)
add_custom_target(widelimit_revision
  COMMAND ${CMAKE_COMMAND} -D SOURCE_DIR=${PROJECT_SOURCE_DIR} -D HEADER=${WIDELIMIT_GENERATED_DIR}/widelimit_revision.hpp
          -P ${PROJECT_SOURCE_DIR}/tools/cmake/write_revision.cmake
  BYPRODUCTS ${WIDELIMIT_GENERATED_DIR}/widelimit_revision.hpp
  VERBATIM COMMENT "")
