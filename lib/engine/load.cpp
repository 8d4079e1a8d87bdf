// SPDX-License-Identifier: BSD-3-Clause
// Part of libcortune: finds and opens the engine library.
#include <dlfcn.h>

#include "core/error.hpp"
#include "engine/engine.hpp"

namespace cortune::engine {

Engine& load() {
    static Engine* const engine = [] {
        Dl_info self{};
        ::dladdr(reinterpret_cast<void*>(&load), &self);
        const auto path = std::filesystem::path(self.dli_fname).parent_path() / "libcortune_engine.so";
        void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
        if (!library)
            throw ResourceError(std::string("the engine cannot be loaded: ") + ::dlerror(),
                                "is LibTorch installed?");
        auto entry = reinterpret_cast<Engine* (*)()>(::dlsym(library, "cortune_engine"));
        if (!entry) throw ResourceError(path.string() + ": not an engine of this version");
        return entry();
    }();
    return *engine;
}

}  // namespace cortune::engine
