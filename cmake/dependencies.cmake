# The libraries that Gradus stands on, each with its Debian package. docs/design.md gives the reason for each.
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(nlohmann_json REQUIRED)         # nlohmann-json3-dev
find_package(fmt REQUIRED)                   # libfmt-dev
find_package(CLI11 REQUIRED)                 # libcli11-dev
find_package(PNG REQUIRED)                   # libpng-dev
find_package(ZLIB REQUIRED)                  # zlib1g-dev
find_package(Protobuf REQUIRED)              # libprotobuf-dev, protobuf-compiler
# oneDNN (libdnnl-dev): its own CMake package asks for OpenCL headers that nothing here needs.
find_path(DNNL_INCLUDE_DIR oneapi/dnnl/dnnl.h REQUIRED)
find_library(DNNL_LIBRARY dnnl REQUIRED)
add_library(DNNL::dnnl SHARED IMPORTED)
set_target_properties(DNNL::dnnl PROPERTIES IMPORTED_LOCATION ${DNNL_LIBRARY}
                                            INTERFACE_INCLUDE_DIRECTORIES ${DNNL_INCLUDE_DIR})
# OpenBLAS (libopenblas-serial-dev): any of Debian's builds will do. Of its LAPACK, kernels/cpu/lapack declares what it calls.
find_library(OPENBLAS_LIBRARY openblas REQUIRED)
add_library(OpenBLAS::OpenBLAS UNKNOWN IMPORTED)
set_target_properties(OpenBLAS::OpenBLAS PROPERTIES IMPORTED_LOCATION ${OPENBLAS_LIBRARY})
find_package(PkgConfig REQUIRED)
pkg_check_modules(HWY REQUIRED IMPORTED_TARGET libhwy)             # libhwy-dev
pkg_check_modules(TOMLPP REQUIRED IMPORTED_TARGET tomlplusplus)    # libtomlplusplus-dev
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)   # libutf8proc-dev
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)       # libpcre2-dev

# What a program that uses the library links (cmake/gradusConfig.cmake.in finds the same again), and what only
# compiling Gradus needs: headers without a library behind them.
set(GRADUS_DEPENDENCIES OpenMP::OpenMP_CXX DNNL::dnnl OpenBLAS::OpenBLAS fmt::fmt PNG::PNG ZLIB::ZLIB
                        protobuf::libprotobuf-lite PkgConfig::HWY PkgConfig::TOMLPP PkgConfig::UTF8PROC
                        PkgConfig::PCRE2)
set(GRADUS_HEADER_DEPENDENCIES nlohmann_json::nlohmann_json CLI11::CLI11)
