// SPDX-License-Identifier: BSD-3-Clause
// Part of libcortune: finds and opens the engine library.
#include <dlfcn.h>

#include <fstream>

#include "core/error.hpp"
#include "engine/engine.hpp"

namespace cortune::engine {
namespace {

// LibTorch as Debian builds it needs some 300 libraries (OpenCV, GDAL, Qt), and a symbol is looked for in all that are
// opened in one go. Those that LibTorch names itself, opened one by one before it, are looked through one by one; and it,
// too, is opened lazily, so that what nobody calls is not looked for: together a fifth of a start. The list is made with
// the engine; what is not there LibTorch itself will miss aloud.
void open_first(const std::filesystem::path& list) {
    std::ifstream names(list);
    for (std::string name; std::getline(names, name);)
        if (!name.empty()) ::dlopen(name.c_str(), RTLD_LAZY);
}

}  // namespace

Engine& load() {
    static Engine* const engine = [] {
        Dl_info self{};
        ::dladdr(reinterpret_cast<void*>(&load), &self);
        const auto path = std::filesystem::path(self.dli_fname).parent_path() / "libcortune_engine.so";
        open_first(std::filesystem::path(path).replace_extension(".first"));
        void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
        if (!library) {
            const std::string reason = ::dlerror();
            const bool memory = reason.find("failed to map") != std::string::npos || reason.find("annot allocate") != std::string::npos;
            throw ResourceError("the engine cannot be loaded: " + reason, memory ? "LibTorch needs more memory: ulimit -v, or what the job asks for" : "is LibTorch installed?");
        }
        auto entry = reinterpret_cast<Engine* (*)()>(::dlsym(library, "cortune_engine"));
        if (!entry) throw ResourceError(path.string() + ": not an engine of this version");
        return entry();
    }();
    return *engine;
}

}  // namespace cortune::engine
