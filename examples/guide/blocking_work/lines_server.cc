// Counts lines and words of files: ./build/lines_server --listen unix:lines.sock
#include <cstdint>
#include <fstream>
#include <string>

#include <fairlead/fairlead.h>

struct FileArg {
  std::string path{};
};
struct CountResult {
  std::int64_t count = 0;
};
FL_STRUCT(FileArg, (1, path, required))
FL_STRUCT(CountResult, (1, count))

struct Lines {
  static CountResult count(FileArg);  // CALL /lines/count
};
struct Words {
  static CountResult count(FileArg);  // CALL /words/count
};
FL_SERVICE(Lines, (count))
FL_SERVICE(Words, (count))

std::int64_t count_lines(const std::string& path) {  // blocks as long as the disk does
  std::ifstream file(path);
  std::int64_t count = 0;
  for (std::string line; std::getline(file, line);) ++count;
  return count;
}

// A part of this handler runs on the pool, the rest on its core.
struct LinesLogic {
  fl::Pool disk;

  fl::Task<fl::Result<CountResult>> count(fl::Context& context, FileArg in) const {
    auto counting = fl::blocking(disk, context, [&in] { return count_lines(in.path); });
    FL_CO_TRY_ASSIGN(const std::int64_t lines, co_await counting);
    co_return CountResult{.count = lines};
  }
};

// The whole of this handler runs on the pool.
struct WordsLogic {
  CountResult count(FileArg in) const {
    std::ifstream file(in.path);
    CountResult result;
    for (std::string word; file >> word;) ++result.count;
    return result;
  }
};

int main(int argc, char** argv) {
  fl::App app(argc, argv, "lines");
  const fl::Pool disk = app.pool("disk", {.threads = 2});
  app.serve<Lines>(LinesLogic{.disk = disk});
  app.serve<Words>(WordsLogic{}, fl::on_pool(disk));
  return app.run("tcp://127.0.0.1:0");
}
