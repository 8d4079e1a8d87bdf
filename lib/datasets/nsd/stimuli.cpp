// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/nsd/stimuli.hpp"

#include <fmt/format.h>

#include "core/error.hpp"
#include "core/foreign_file.hpp"
#include "h5/foreign.hpp"
#include "h5/lock.hpp"

namespace cortune::datasets::nsd {
namespace {

class Stimuli : public images::Source {
  public:
    Stimuli(const std::filesystem::path& path, std::vector<std::int32_t> ids)
        : Source(path), ids_(std::move(ids)), file_(path), brick_(file_.root().dataset("imgBrick")), shape_(brick_.shape()) {
        if (shape_.size() != 4 || shape_[3] != 3 || brick_.type_name() != "uint8")
            throw BadInput(fmt::format("{}: expected uint8, pictures × rows × columns × 3", brick_.where()));
        if (!ids_.empty() && static_cast<std::uint64_t>(ids_.back()) >= shape_[0])
            throw BadInput(fmt::format("{}: holds {} pictures, picture {} was shown", brick_.where(), shape_[0], ids_.back()));
        for (const auto id : ids_) names_.push_back(fmt::format("{:05}", id));
    }
    std::string where(std::size_t i) const override { return fmt::format("{}[{}]", brick_.where(), ids_.at(i)); }
    std::uint64_t bytes(std::size_t) const override { return shape_[1] * shape_[2] * shape_[3]; }
    std::vector<std::uint8_t> read(std::size_t i) const override {
        std::vector<std::uint8_t> out(bytes(i));
        const h5::LibraryLock lock;
        brick_.read_rows<std::uint8_t>(static_cast<std::uint64_t>(ids_.at(i)), 1, out.data());
        return out;
    }
    images::Image picture(std::size_t i) const override { return {static_cast<int>(shape_[2]), static_cast<int>(shape_[1]), read(i)}; }

  private:
    std::vector<std::int32_t> ids_;
    h5::Foreign file_;
    h5::Dataset brick_;
    h5::Shape shape_;
};

}  // namespace

std::shared_ptr<const images::Source> open_stimuli(const std::filesystem::path& path, std::vector<std::int32_t> ids) {
    require_file(path);
    return std::make_shared<Stimuli>(path, std::move(ids));
}

}  // namespace cortune::datasets::nsd
