// SPDX-License-Identifier: BSD-3-Clause
#include "h5/raw.hpp"

#include "h5/driver.hpp"

namespace cortune::h5::raw {

std::string stack_reason() {
    std::string reason;
    auto visit = [](unsigned, const H5E_error2_t* e, void* out) -> herr_t {
        if (e->desc) *static_cast<std::string*>(out) = e->desc;
        return 0;
    };
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, visit, &reason);
    return reason.empty() ? "HDF5 gave no reason" : reason;
}

void cannot_read(const std::string& where, const std::string& what) {
    throw BadInput(fmt::format("{}: {} ({})", where, what, stack_reason()));
}

void check_writes(hid_t object, const std::string& where) {
    if (const std::string reason = write_failure(object); !reason.empty())
        throw OutputError(fmt::format("{}: cannot be written ({})", where, reason),
                          "is the disk full? nothing was left behind");
}

std::string object_path(hid_t object) {
    const auto length = H5Iget_name(object, nullptr, 0);
    std::string out(length > 0 ? static_cast<std::size_t>(length) : 0, '\0');
    if (!out.empty()) H5Iget_name(object, out.data(), out.size() + 1);
    return out;
}

Handle string_type() {
    Handle type(H5Tcopy(H5T_C_S1));
    H5Tset_size(type.get(), H5T_VARIABLE);
    H5Tset_cset(type.get(), H5T_CSET_UTF8);
    return type;
}

std::vector<const char*> pointers(std::span<const std::string> values) {
    std::vector<const char*> out;
    for (const auto& v : values) out.push_back(v.c_str());
    return out;
}

std::vector<std::string> take_strings(hid_t type, hid_t space, std::vector<char*>& values) {
    std::vector<std::string> out;
    for (char* s : values) out.emplace_back(s ? s : "");
    H5Dvlen_reclaim(type, space, H5P_DEFAULT, values.data());
    return out;
}

}  // namespace cortune::h5::raw
