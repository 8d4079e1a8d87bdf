// SPDX-License-Identifier: BSD-3-Clause
#include "formats/mat.hpp"

#include <fmt/format.h>
#include <matio.h>

#include <array>
#include <cstdint>
#include <fstream>
#include <memory>

#include "core/error.hpp"
#include "core/foreign_file.hpp"

namespace cortune::formats {
namespace {

struct Close {
    void operator()(mat_t* file) const { Mat_Close(file); }
    void operator()(matvar_t* variable) const { Mat_VarFree(variable); }
};

template <class T>
std::vector<std::int64_t> as_integers(const matvar_t& v) {
    const auto* from = static_cast<const T*>(v.data);
    std::vector<std::int64_t> out;
    for (std::size_t i = 0; i < v.dims[0] * v.dims[1]; ++i) out.push_back(static_cast<std::int64_t>(from[i]));
    return out;
}

// matio reads what is missing as zeros. A file of version 5 is a header of 128 bytes and elements that each say how long
// they are (MAT-File Format, MathWorks): whether the last one ends within the file. Other versions are matio's to judge.
bool is_cut_short(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    std::array<char, 128> head{};
    if (!in.read(head.data(), head.size())) return true;
    const bool swapped = head[126] == 'M';
    if (!(head[126] == 'I' && head[127] == 'M') && !(swapped && head[127] == 'I')) return false;
    if (head[swapped ? 124 : 125] != 1) return false;  // version 0x0100; 7.3 is HDF5
    const auto size = std::filesystem::file_size(path);
    std::uint64_t at = head.size();
    while (at < size) {
        std::array<unsigned char, 8> tag{};
        in.seekg(static_cast<std::streamoff>(at));
        if (!in.read(reinterpret_cast<char*>(tag.data()), tag.size())) return true;
        const auto word = [&](std::size_t first) {
            std::uint32_t out = 0;
            for (std::size_t i = 0; i < 4; ++i) out = out << 8 | tag[swapped ? first + i : first + 3 - i];
            return out;
        };
        at += word(0) >> 16 != 0 ? 8 : 8 + std::uint64_t{word(4)};  // the short form has its data in the tag
    }
    return at > size;
}

}  // namespace

MatMatrix read_mat(const std::filesystem::path& path, const std::string& name, const std::string& mend) {
    require_file(path);
    if (is_cut_short(path)) throw BadInput(path.string() + ": cut short", "download it again");
    Mat_LogInitFunc("cortune", [](int, char*) {});
    const std::string where = path.string();
    const std::unique_ptr<mat_t, Close> file(Mat_Open(where.c_str(), MAT_ACC_RDONLY));
    if (!file) throw BadInput(where + ": not a MAT file, or cut short", "download it again");
    const std::unique_ptr<matvar_t, Close> v(Mat_VarRead(file.get(), name.c_str()));
    if (!v) throw BadInput(fmt::format("{}: the variable {} is missing or cannot be read", where, name), mend);
    if (v->rank != 2 || v->data == nullptr || v->isComplex != 0) throw BadInput(fmt::format("{}: {}: expected a matrix of numbers", where, name));
    MatMatrix out{v->dims[0], v->dims[1], {}};
    switch (v->data_type) {
        case MAT_T_DOUBLE: out.value = as_integers<double>(*v); break;
        case MAT_T_SINGLE: out.value = as_integers<float>(*v); break;
        case MAT_T_INT8: out.value = as_integers<std::int8_t>(*v); break;
        case MAT_T_UINT8: out.value = as_integers<std::uint8_t>(*v); break;
        case MAT_T_INT16: out.value = as_integers<std::int16_t>(*v); break;
        case MAT_T_UINT16: out.value = as_integers<std::uint16_t>(*v); break;
        case MAT_T_INT32: out.value = as_integers<std::int32_t>(*v); break;
        case MAT_T_UINT32: out.value = as_integers<std::uint32_t>(*v); break;
        case MAT_T_INT64: out.value = as_integers<std::int64_t>(*v); break;
        case MAT_T_UINT64: out.value = as_integers<std::uint64_t>(*v); break;
        default: throw BadInput(fmt::format("{}: {}: expected a matrix of numbers", where, name));
    }
    return out;
}

void write_mat(const std::filesystem::path& path, const std::vector<std::pair<std::string, MatMatrix>>& matrices) {
    // A header of our own: matio's has the day in it.
    const std::unique_ptr<mat_t, Close> file(Mat_CreateVer(path.c_str(), "MATLAB 5.0 MAT-file, simulated by cortune", MAT_FT_MAT5));
    if (!file) throw OutputError(path.string() + ": cannot be written");
    for (const auto& [name, m] : matrices) {
        std::vector<double> values(m.value.begin(), m.value.end());
        std::size_t dims[2] = {m.rows, m.columns};
        const std::unique_ptr<matvar_t, Close> v(Mat_VarCreate(name.c_str(), MAT_C_DOUBLE, MAT_T_DOUBLE, 2, dims, values.data(), MAT_F_DONT_COPY_DATA));
        if (!v || Mat_VarWrite(file.get(), v.get(), MAT_COMPRESSION_NONE) != 0) throw OutputError(path.string() + ": cannot be written");
    }
}

}  // namespace cortune::formats
