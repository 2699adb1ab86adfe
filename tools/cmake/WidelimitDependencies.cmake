# What widelimit is built on. Each package is looked for where CMake looks by default, so a module system,
# Spack or CMAKE_PREFIX_PATH decides which one is taken. An installed widelimit includes this file again for the
# projects that use it; WIDELIMIT_KOKKOS_HINTS is then where its own Kokkos lay.

find_package(Threads REQUIRED)
find_package(MPI REQUIRED COMPONENTS C CXX)

# The set-up scripts put a prebuilt Kokkos into build/python where the system has none.
if(NOT DEFINED WIDELIMIT_KOKKOS_HINTS)
  file(GLOB WIDELIMIT_KOKKOS_HINTS
       ${CMAKE_CURRENT_SOURCE_DIR}/build/python/lib/python3*/site-packages/pygenten/lib64/cmake/Kokkos)
endif()
find_package(Kokkos 4.5 CONFIG QUIET)
if(NOT Kokkos_FOUND)
  find_package(Kokkos 4.5 CONFIG QUIET HINTS ${WIDELIMIT_KOKKOS_HINTS})
endif()
if(NOT Kokkos_FOUND)
  message(FATAL_ERROR "widelimit needs Kokkos 4.5 or later and found none. Load it (module, Spack), set "
                      "-DKokkos_ROOT=PREFIX, or let tools/quickstart.sh install a prebuilt one.")
endif()

if(Kokkos_ENABLE_CUDA)
  find_package(CUDAToolkit REQUIRED)
  if(Kokkos_VERSION VERSION_GREATER_EQUAL 4.7 AND NOT KOKKOS_ENABLE_IMPL_VIEW_LEGACY AND NOT Kokkos_ENABLE_IMPL_VIEW_LEGACY)
    # nvcc 13 places what follows a one-dimensional view elsewhere than the host's compiler does: kernels read wrong
    # arguments.
    message(FATAL_ERROR "With CUDA this Kokkos has to be configured with -DKokkos_ENABLE_IMPL_VIEW_LEGACY=ON: its newer "
                        "views have another layout in kernels than on the host ([[no_unique_address]]).")
  endif()
elseif(Kokkos_ENABLE_HIP OR Kokkos_ENABLE_SYCL)
  message(FATAL_ERROR "widelimit runs on the host or with CUDA, and this Kokkos has another GPU back end: "
                      "src/kernels/device_blas_cuda.cpp is all that would have to be written for it.")
endif()

set(HDF5_PREFER_PARALLEL ON)
if(NOT DEFINED HDF5_ROOT AND EXISTS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/hdf5/openmpi)
  set(HDF5_ROOT /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/hdf5/openmpi)
endif()
find_package(HDF5 REQUIRED COMPONENTS C)
if(NOT HDF5_IS_PARALLEL)
  message(FATAL_ERROR "widelimit writes its results with parallel HDF5, and the HDF5 found (${HDF5_INCLUDE_DIRS}) "
                      "was built without MPI. Debian: libhdf5-openmpi-dev. Spack: hdf5 +mpi.")
endif()
find_package(HDF5 REQUIRED COMPONENTS C HL)

find_library(WIDELIMIT_OPENBLAS NAMES openblas REQUIRED)
find_library(WIDELIMIT_SCALAPACK NAMES scalapack-openmpi scalapack REQUIRED)
find_path(WIDELIMIT_CBLAS_INCLUDE NAMES cblas.h PATH_SUFFIXES openblas ${CMAKE_LIBRARY_ARCHITECTURE}
          openblas-openmp ${CMAKE_LIBRARY_ARCHITECTURE}/openblas-openmp REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)

# Imported, so that an exported module names them and their paths are found anew.
if(NOT TARGET widelimit_openblas)
  add_library(widelimit_openblas INTERFACE IMPORTED)
  target_include_directories(widelimit_openblas INTERFACE ${WIDELIMIT_CBLAS_INCLUDE})
  target_link_libraries(widelimit_openblas INTERFACE ${WIDELIMIT_OPENBLAS})

  add_library(widelimit_scalapack INTERFACE IMPORTED)
  target_link_libraries(widelimit_scalapack INTERFACE ${WIDELIMIT_SCALAPACK} widelimit_openblas)

  add_library(widelimit_hdf5 INTERFACE IMPORTED)
  target_include_directories(widelimit_hdf5 INTERFACE ${HDF5_INCLUDE_DIRS})
  target_compile_definitions(widelimit_hdf5 INTERFACE ${HDF5_DEFINITIONS})
  target_link_libraries(widelimit_hdf5 INTERFACE ${HDF5_HL_LIBRARIES} ${HDF5_LIBRARIES} MPI::MPI_C)
endif()

if(TARGET yaml-cpp::yaml-cpp)
  set(WIDELIMIT_YAML yaml-cpp::yaml-cpp)
else()
  set(WIDELIMIT_YAML yaml-cpp)
endif()
