// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/nsd/experiment.hpp"

#include <fmt/format.h>
#include <matio.h>

#include <memory>

#include "core/error.hpp"
#include "datasets/foreign.hpp"

namespace cortune::datasets::nsd {
namespace {

struct Close {
    void operator()(mat_t* file) const { Mat_Close(file); }
    void operator()(matvar_t* variable) const { Mat_VarFree(variable); }
};

struct Matrix {
    std::size_t rows = 0, columns = 0;
    std::vector<std::int64_t> value;  // column-major
    std::int64_t at(std::size_t row, std::size_t column) const { return value[column * rows + row]; }
};

template <class T>
std::vector<std::int64_t> as_integers(const matvar_t& v) {
    const auto* from = static_cast<const T*>(v.data);
    std::vector<std::int64_t> out;
    for (std::size_t i = 0; i < v.dims[0] * v.dims[1]; ++i) out.push_back(static_cast<std::int64_t>(from[i]));
    return out;
}

Matrix read_matrix(mat_t* file, const char* name, const std::string& path) {
    const std::unique_ptr<matvar_t, Close> v(Mat_VarRead(file, name));
    if (!v) throw BadInput(fmt::format("{}: the variable {} is missing or cannot be read", path, name),
                           "take nsd_expdesign.mat as NSD distributes it");
    if (v->rank != 2 || v->data == nullptr || v->isComplex != 0) throw BadInput(fmt::format("{}: {}: expected a matrix of numbers", path, name));
    Matrix out{v->dims[0], v->dims[1], {}};
    switch (v->data_type) {
        case MAT_T_DOUBLE: out.value = as_integers<double>(*v); break;
        case MAT_T_SINGLE: out.value = as_integers<float>(*v); break;
        case MAT_T_UINT8: out.value = as_integers<std::uint8_t>(*v); break;
        case MAT_T_INT16: out.value = as_integers<std::int16_t>(*v); break;
        case MAT_T_UINT16: out.value = as_integers<std::uint16_t>(*v); break;
        case MAT_T_INT32: out.value = as_integers<std::int32_t>(*v); break;
        case MAT_T_UINT32: out.value = as_integers<std::uint32_t>(*v); break;
        default: throw BadInput(fmt::format("{}: {}: expected a matrix of numbers", path, name));
    }
    return out;
}

}  // namespace

std::vector<std::int32_t> trial_pictures(const std::filesystem::path& design, int subject) {
    require_file(design);
    Mat_LogInitFunc("cortune", [](int, char*) {});
    const std::string path = design.string();
    const std::unique_ptr<mat_t, Close> file(Mat_Open(path.c_str(), MAT_ACC_RDONLY));
    if (!file) throw BadInput(path + ": not a MAT file, or cut short");
    const Matrix order = read_matrix(file.get(), "masterordering", path), pictures = read_matrix(file.get(), "subjectim", path);
    if (subject < 1 || static_cast<std::size_t>(subject) > pictures.rows)
        throw BadInput(fmt::format("{}: subjectim has {} subjects, asked for is subject {}", path, pictures.rows, subject));
    std::vector<std::int32_t> out;
    for (const std::int64_t place : order.value) {
        if (place < 1 || place > static_cast<std::int64_t>(pictures.columns))
            throw BadInput(fmt::format("{}: masterordering: {} is no column of subjectim (1 … {})", path, place, pictures.columns));
        const std::int64_t id = pictures.at(static_cast<std::size_t>(subject - 1), static_cast<std::size_t>(place - 1));
        if (id < 1 || id > stimuli) throw BadInput(fmt::format("{}: subjectim: {} is no picture of 1 … {}", path, id, stimuli));
        out.push_back(static_cast<std::int32_t>(id - 1));
    }
    return out;
}

void write_design(const std::filesystem::path& path, const std::vector<double>& order, const std::vector<std::vector<double>>& pictures) {
    // A header of our own: matio's has the day in it.
    const std::unique_ptr<mat_t, Close> file(Mat_CreateVer(path.c_str(), "MATLAB 5.0 MAT-file, a simulated experiment", MAT_FT_MAT5));
    if (!file) throw OutputError(path.string() + ": cannot be written");
    const auto put = [&](const char* name, std::size_t rows, std::size_t columns, const std::vector<double>& values) {
        std::size_t dims[2] = {rows, columns};
        const std::unique_ptr<matvar_t, Close> v(
            Mat_VarCreate(name, MAT_C_DOUBLE, MAT_T_DOUBLE, 2, dims, const_cast<double*>(values.data()), MAT_F_DONT_COPY_DATA));
        if (!v || Mat_VarWrite(file.get(), v.get(), MAT_COMPRESSION_NONE) != 0) throw OutputError(path.string() + ": cannot be written");
    };
    put("masterordering", 1, order.size(), order);
    std::vector<double> by_column;
    for (std::size_t c = 0; c < pictures[0].size(); ++c)
        for (const auto& subject : pictures) by_column.push_back(subject[c]);
    put("subjectim", pictures.size(), pictures[0].size(), by_column);
}

}  // namespace cortune::datasets::nsd
