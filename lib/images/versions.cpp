// SPDX-License-Identifier: BSD-3-Clause
#include "images/versions.hpp"

#include <cstddef>
#include <cstdio>
// libjpeg's header wants the two above.
#include <jpeglib.h>
#include <png.h>
#include <zip.h>

#define CORTUNE_TEXT_OF(x) #x
#define CORTUNE_TEXT(x) CORTUNE_TEXT_OF(x)

namespace cortune::images {

std::vector<std::pair<std::string, std::string>> library_versions() {
#ifdef LIBJPEG_TURBO_VERSION
    const std::pair<std::string, std::string> jpeg{"libjpeg-turbo", CORTUNE_TEXT(LIBJPEG_TURBO_VERSION)};
#else
    const std::pair<std::string, std::string> jpeg{"libjpeg", CORTUNE_TEXT(JPEG_LIB_VERSION)};
#endif
    return {{"libpng", png_get_libpng_ver(nullptr)}, jpeg, {"libzip", zip_libzip_version()}};
}

}  // namespace cortune::images
