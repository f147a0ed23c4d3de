# `cmake --install`: the program, the library as gradus::gradus for find_package(gradus), its headers under
# include/gradus, and a pkg-config file. docs/library.md tells how to use them.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(GRADUS_SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})   # before 1.0 each minor version may differ

# The headers as users see them: every include inside says <gradus/...>.
file(GLOB_RECURSE GRADUS_HEADERS CONFIGURE_DEPENDS src/*.h)
set(GRADUS_PUBLIC_HEADERS ${CMAKE_CURRENT_BINARY_DIR}/include)
set(GRADUS_PUBLIC_HEADERS_STAMP ${CMAKE_CURRENT_BINARY_DIR}/public_headers.stamp)
add_custom_command(
  OUTPUT ${GRADUS_PUBLIC_HEADERS_STAMP}
  COMMAND ${CMAKE_COMMAND} -DSOURCE=${CMAKE_CURRENT_SOURCE_DIR}/src -DOUTPUT=${GRADUS_PUBLIC_HEADERS}
          -DVERSION=${PROJECT_VERSION} -P ${CMAKE_CURRENT_SOURCE_DIR}/cmake/public_headers.cmake
  COMMAND ${CMAKE_COMMAND} -E touch ${GRADUS_PUBLIC_HEADERS_STAMP}
  DEPENDS ${GRADUS_HEADERS} ${CMAKE_CURRENT_SOURCE_DIR}/cmake/public_headers.cmake
          ${CMAKE_CURRENT_SOURCE_DIR}/cmake/rooms.cmake
  COMMENT "Public headers" VERBATIM)
add_custom_target(gradus_headers ALL DEPENDS ${GRADUS_PUBLIC_HEADERS_STAMP})

# The library users link: the static one that the program stands on, or a shared one of the same objects.
if(BUILD_SHARED_LIBS)
  add_library(gradus_shared SHARED $<TARGET_OBJECTS:gradus_objects>)
  target_link_libraries(gradus_shared PRIVATE ${GRADUS_DEPENDENCIES})
  target_link_options(gradus_shared PRIVATE -Wl,--version-script=${CMAKE_CURRENT_SOURCE_DIR}/cmake/library.map
                                            -Wl,--no-undefined)
  set_target_properties(gradus_shared PROPERTIES
    VERSION ${PROJECT_VERSION} SOVERSION ${GRADUS_SOVERSION}
    LINK_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/cmake/library.map)
  set(GRADUS_LIBRARY gradus_shared)
else()
  set(GRADUS_LIBRARY gradus_core)
endif()
add_library(gradus::gradus ALIAS ${GRADUS_LIBRARY})
add_dependencies(${GRADUS_LIBRARY} gradus_headers)
target_compile_features(${GRADUS_LIBRARY} PUBLIC cxx_std_20)
# base/json.h declares nlohmann's types, so its headers are part of the interface.
target_link_libraries(${GRADUS_LIBRARY} PUBLIC nlohmann_json::nlohmann_json)
target_include_directories(${GRADUS_LIBRARY} INTERFACE $<BUILD_INTERFACE:${GRADUS_PUBLIC_HEADERS}>)
set_target_properties(${GRADUS_LIBRARY} PROPERTIES OUTPUT_NAME gradus EXPORT_NAME gradus)

install(TARGETS ${GRADUS_LIBRARY} EXPORT gradus INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS gradus)
install(DIRECTORY ${GRADUS_PUBLIC_HEADERS}/gradus DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

set(GRADUS_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/gradus)
install(EXPORT gradus NAMESPACE gradus:: FILE gradusTargets.cmake DESTINATION ${GRADUS_PACKAGE_DIR})
configure_package_config_file(cmake/gradusConfig.cmake.in gradusConfig.cmake INSTALL_DESTINATION ${GRADUS_PACKAGE_DIR})
write_basic_package_version_file(gradusConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/gradusConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/gradusConfigVersion.cmake
        DESTINATION ${GRADUS_PACKAGE_DIR})

# pkg-config: a static library names what it stands on, a shared one keeps that to itself.
set(GRADUS_PC_PRIVATE "Requires.private: fmt libpng protobuf-lite libhwy tomlplusplus libutf8proc libpcre2-8\nLibs.private: -ldnnl -lopenblas -fopenmp")
if(NOT BUILD_SHARED_LIBS)
  set(GRADUS_PC_PRIVATE "Requires: fmt libpng protobuf-lite libhwy tomlplusplus libutf8proc libpcre2-8\nLibs.private: -ldnnl -lopenblas -fopenmp")
endif()
file(RELATIVE_PATH GRADUS_PC_PREFIX ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})   # may be moved
configure_file(cmake/gradus.pc.in gradus.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/gradus.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
