# What is installed: the program, the modules with their headers, and a package for find_package(widelimit), whose
# target widelimit::widelimit stands for all modules (widelimit::gram and so on for one and those below it).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

get_property(modules GLOBAL PROPERTY WIDELIMIT_MODULES)
add_library(widelimit_all INTERFACE)
add_library(widelimit::widelimit ALIAS widelimit_all)
set_target_properties(widelimit_all PROPERTIES EXPORT_NAME widelimit)
target_link_libraries(widelimit_all INTERFACE ${modules})

# Libraries may lie where the loader does not look; a prebuilt Kokkos in build/python would not count as outside.
set_target_properties(widelimit PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON
                      INSTALL_RPATH $<TARGET_FILE_DIR:Kokkos::kokkoscore>)
install(TARGETS widelimit)
install(TARGETS widelimit_all ${modules} EXPORT widelimitTargets)
install(DIRECTORY include/widelimit TYPE INCLUDE)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/widelimit)
install(EXPORT widelimitTargets NAMESPACE widelimit:: DESTINATION ${package_dir})
configure_package_config_file(tools/cmake/widelimitConfig.cmake.in widelimitConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(widelimitConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/widelimitConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/widelimitConfigVersion.cmake
              tools/cmake/WidelimitDependencies.cmake
        DESTINATION ${package_dir})
