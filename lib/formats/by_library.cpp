// SPDX-License-Identifier: BSD-3-Clause
#include "formats/by_library.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "core/output_file.hpp"

namespace fs = std::filesystem;

namespace cortune::formats {
namespace {

// Taken away however the writing ends.
class Temporary {
  public:
    explicit Temporary(const std::string& ending) {
        std::error_code none;
        const auto folder = fs::temp_directory_path(none);
        name_ = ((none ? fs::path("/tmp") : folder) / ("cortune-XXXXXX" + ending)).string();
        const int file = ::mkostemps(name_.data(), static_cast<int>(ending.size()), O_CLOEXEC);
        if (file < 0) throw cannot_write(name_, errno);
        ::close(file);
    }
    ~Temporary() {
        std::error_code none;
        fs::remove(name_, none);
    }
    Temporary(const Temporary&) = delete;
    Temporary& operator=(const Temporary&) = delete;
    const std::string& name() const { return name_; }

  private:
    std::string name_;
};

}  // namespace

std::string bytes_by_library(const std::string& ending, const std::function<void(const std::string& name)>& write) {
    const Temporary file(ending);
    write(file.name());
    std::ifstream in(file.name(), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace cortune::formats
