// SPDX-License-Identifier: BSD-3-Clause
#include "core/gzip.hpp"

#include <zlib.h>

#include <new>

#include "core/error.hpp"

namespace cortune {

std::string gzipped(std::string_view bytes) {
    constexpr int gzip = 15 + 16, memory = 8;  // zlib's window with a gzip header, its default memory
    z_stream stream{};
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, gzip, memory, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc();
    std::string out(deflateBound(&stream, bytes.size()), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    const int code = deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    if (code != Z_STREAM_END) throw RunFailed("gzip failed");
    return out;
}

}  // namespace cortune
