// upload() and download(): one try over one connection.
#pragma once

#include <filesystem>
#include <string>

#include <fairlead/fairlead.h>

#include "progress.h"

// What a client was asked for.
struct Order {
  fl::io::Address server{};
  bool upload = false;
  std::filesystem::path path{};  // here
  std::string name{};            // there
};

// On a core. `progress` outlives the task.
// Errors: those of the contract, of the connection and of File; after those of the connection
// another try goes on where this one ended.
fl::Task<fl::Status> upload(fl::SessionRef link, fl::Pool disk, Order order, Progress& progress);
fl::Task<fl::Status> download(fl::SessionRef link, fl::Pool disk, Order order, Progress& progress);
