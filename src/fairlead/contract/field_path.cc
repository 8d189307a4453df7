#include "fairlead/contract/field_path.h"

#include <algorithm>
#include <vector>

#include "fairlead/base/text.h"

namespace fairlead::contract {

std::string FieldPath::to_string() const {
  if (root()) return "the body";
  std::vector<const FieldPath*> steps;
  for (const FieldPath* step = this; !step->root(); step = step->parent_) steps.push_back(step);
  std::ranges::reverse(steps);
  std::string out;
  for (const FieldPath* step : steps) {
    switch (step->step_) {
      case Step::kField:
        if (!out.empty()) out += '.';
        out += escape_text(step->name_, 64);
        break;
      case Step::kIndex:
        out.append("[").append(std::to_string(step->index_)).append("]");
        break;
      case Step::kKey:
        out.append("[\"").append(escape_text(step->name_, 64)).append("\"]");
        break;
    }
  }
  return out;
}

}  // namespace fairlead::contract
