// SPDX-License-Identifier: BSD-3-Clause
#include "formats/gifti.hpp"

#include <cstring>
#include <memory>
#include <string_view>

#include "core/error.hpp"
#include "formats/by_library.hpp"

extern "C" {  // the header does not say so itself
#include <gifti_io.h>
}

namespace cortune::formats {
namespace {

struct FreeImage {
    void operator()(gifti_image* image) const { gifti_free_image(image); }
};

}  // namespace

std::string gifti_bytes(const std::vector<float>& values, const std::string& hemisphere, const std::string& name) {
    const int dims[6] = {static_cast<int>(values.size()), 0, 0, 0, 0, 0};
    const std::unique_ptr<gifti_image, FreeImage> image(gifti_create_image(1, NIFTI_INTENT_NONE, NIFTI_TYPE_FLOAT32, 1, dims, 1));
    if (!image) throw std::bad_alloc();
    giiDataArray* array = image->darray[0];
    array->encoding = GIFTI_ENCODING_B64GZ;
    array->endian = gifti_get_this_endian();
    std::memcpy(array->data, values.data(), values.size() * sizeof(float));
    gifti_add_to_meta(&array->meta, "Name", name.c_str(), 1);
    gifti_add_to_meta(&image->meta, "AnatomicalStructurePrimary", hemisphere == "lh" ? "CortexLeft" : "CortexRight", 1);
    gifti_set_verb(0);
    bool failed = false;
    const std::string text = bytes_by_library("", [&](const std::string& file) { failed = gifti_write_image(image.get(), file.c_str(), 1) != 0; });
    // The library does not look whether its writes succeed: only what is whole goes on.
    const auto last = text.find_last_not_of(" \n");
    if (failed || last == std::string::npos || !std::string_view(text).substr(0, last + 1).ends_with("</GIFTI>"))
        throw OutputError("GIFTI could not be made", "$TMPDIR needs room for it");
    return text;
}

}  // namespace cortune::formats
