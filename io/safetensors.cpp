// The format: the header's length in 8 bytes, little-endian; the header, JSON; the elements.
//
//   {"__metadata__": {"key": "text"}, "fc.weight": {"dtype": "F32", "shape": [10, 84], "data_offsets": [0,
//   3360]}}
//
// Offsets count from the end of the header; together the tensors cover the rest of the file, without holes.
// Elements are row-major and little-endian.
#include "io/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <unordered_set>

#include "autograd/base/fail.h"
#include "autograd/node.h"
#include "io/file.h"

namespace ebb::io {
namespace {

using nlohmann::json;

static_assert(std::endian::native == std::endian::little, "elements are written as they are in memory");

constexpr const char* kMetadata = "__metadata__";
constexpr std::uint64_t kLengthBytes = 8, kMaxHeader = 100'000'000;  // the limit of the format's own reader
constexpr std::array<std::string_view, 6> kDtypes{"F32", "F64", "I64", "I32", "U8", "BOOL"};  // in Dtype's order

std::string_view code_of(Dtype dtype) { return kDtypes[static_cast<std::size_t>(dtype)]; }

std::optional<Dtype> dtype_of_code(std::string_view code) {
  const auto found = std::find(kDtypes.begin(), kDtypes.end(), code);
  if (found == kDtypes.end()) return {};
  return static_cast<Dtype>(found - kDtypes.begin());
}

std::uint64_t bytes_of(const Tensor& x) { return static_cast<std::uint64_t>(x.numel() * size_of(x.dtype())); }

// -- writing

void check_names(const std::string& path, std::span<const NamedTensor> tensors) {
  std::unordered_set<std::string_view> seen;
  for (const auto& [name, tensor] : tensors) {
    if (name == kMetadata)
      fail("save: {}: a tensor is named {}; the format keeps this name for itself", path, name);
    if (!seen.insert(name).second) fail("save: {}: two tensors are named {}", path, name);
    if (!tensor.defined()) fail("save: {}: tensor {} is undefined", path, name);
  }
}

// The order of the elements in the file: large ones first, so that each tensor is aligned for its dtype.
std::vector<std::size_t> order_of_data(std::span<const NamedTensor> tensors) {
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return size_of(tensors[a].tensor.dtype()) > size_of(tensors[b].tensor.dtype());
  });
  return order;
}

std::vector<std::uint64_t> offsets_of(std::span<const NamedTensor> tensors, std::span<const std::size_t> order) {
  std::vector<std::uint64_t> offsets(tensors.size());
  std::uint64_t end = 0;
  for (const auto i : order) {
    offsets[i] = end;
    end += bytes_of(tensors[i].tensor);
  }
  return offsets;
}

json entry_of(const Tensor& x, std::uint64_t begin) {
  return {{"dtype", code_of(x.dtype())},
          {"shape", std::vector<std::int64_t>(x.shape().begin(), x.shape().end())},
          {"data_offsets", {begin, begin + bytes_of(x)}}};
}

// The header with its length, filled up with spaces to a multiple of 8 bytes.
std::string header_of(const std::string& path, std::span<const NamedTensor> tensors,
                      std::span<const std::uint64_t> offsets, const Metadata& metadata) {
  std::string text;
  const auto add = [&](const std::string& name, const json& value) {
    text += text.empty() ? "{" : ",";
    text += json(name).dump() + ":" + value.dump();
  };
  try {
    if (!metadata.empty()) add(kMetadata, metadata);
    for (std::size_t i = 0; i < tensors.size(); ++i) add(tensors[i].name, entry_of(tensors[i].tensor, offsets[i]));
  } catch (const json::exception& error) {
    fail("save: {}: a name or the metadata is not UTF-8 ({})", path, error.what());
  }
  text += text.empty() ? "{}" : "}";
  text.resize((text.size() + 7) / 8 * 8, ' ');
  if (text.size() > kMaxHeader)
    fail("save: {}: the header of {} bytes is above the format's limit of {}; use fewer or shorter names", path,
         text.size(), kMaxHeader);
  const auto length = std::bit_cast<std::array<char, kLengthBytes>>(std::uint64_t{text.size()});
  return std::string(length.begin(), length.end()) + text;
}

// -- reading

struct Entry {
  std::string name;
  Spec spec;
  std::uint64_t begin = 0, end = 0;
};

// The header as JSON, and its keys in the order of the file. JSON itself lets a key come twice.
struct Header {
  json root;
  std::vector<std::string> names;
};

Header parse_header(const std::string& path, const std::string& text) {
  Header header;
  std::unordered_set<std::string> seen;
  const auto note = [&](int depth, json::parse_event_t event, json& key) {
    if (depth == 1 && event == json::parse_event_t::key) {
      header.names.push_back(key.get<std::string>());
      if (!seen.insert(header.names.back()).second)
        fail("load: {}: two tensors are named {}", path, header.names.back());
    }
    return true;
  };
  try {
    header.root = json::parse(text, note);
  } catch (const json::exception& error) { fail("load: {}: the header is not JSON ({})", path, error.what()); }
  if (!header.root.is_object()) fail("load: {}: the header is not a JSON object", path);
  return header;
}

Header read_header(const InputFile& file, std::uint64_t& data_begin) {
  std::uint64_t length = 0;
  if (file.size() < kLengthBytes) fail("load: {}: {} bytes are no safetensors file", file.path(), file.size());
  file.read(0, &length, sizeof length);
  if (length > kMaxHeader)
    fail("load: {}: a header of {} bytes is above the format's limit of {}; is it a safetensors file?",
         file.path(), length, kMaxHeader);
  if (length > file.size() - kLengthBytes)
    fail("load: {}: the file ends inside its header of {} bytes", file.path(), length);
  std::string text(length, ' ');
  file.read(kLengthBytes, text.data(), text.size());
  data_begin = kLengthBytes + length;
  return parse_header(file.path(), text);
}

Metadata metadata_of(const std::string& path, const json& root) {
  Metadata metadata;
  if (!root.contains(kMetadata)) return metadata;
  const auto& object = root[kMetadata];
  if (!object.is_object()) fail("load: {}: {} is not an object", path, kMetadata);
  for (const auto& [key, value] : object.items()) {
    if (!value.is_string()) fail("load: {}: {} {} is not a string", path, kMetadata, key);
    metadata[key] = value.get<std::string>();
  }
  return metadata;
}

// Reads one tensor's entry; `where` opens its errors.
class EntryReader {
 public:
  EntryReader(const std::string& path, const std::string& name, const json& value)
      : where_(fmt::format("load: {}: tensor {}", path, name)), name_(name), value_(value) {}

  Entry read() const {
    Entry entry{name_, {shape(), dtype()}};
    const auto offsets = integers("data_offsets");
    if (offsets.size() != 2 || offsets[0] > offsets[1]) fail("{}: data_offsets are not [begin, end]", where_);
    entry.begin = offsets[0];
    entry.end = offsets[1];
    const auto bytes = static_cast<std::uint64_t>(entry.spec.shape.numel() * size_of(entry.spec.dtype));
    if (entry.end - entry.begin != bytes)
      fail("{}: {} {} takes {} bytes, but data_offsets give {}", where_, entry.spec.dtype, entry.spec.shape, bytes,
           entry.end - entry.begin);
    return entry;
  }

 private:
  const json& field(const char* key) const {
    if (!value_.is_object() || !value_.contains(key)) fail("{}: has no {}", where_, key);
    return value_[key];
  }

  std::vector<std::uint64_t> integers(const char* key) const {
    const auto& list = field(key);
    const auto whole = [](const json& number) { return number.is_number_unsigned(); };
    if (!list.is_array() || !std::all_of(list.begin(), list.end(), whole))
      fail("{}: {} is not a list of whole numbers", where_, key);
    return list.get<std::vector<std::uint64_t>>();
  }

  Shape shape() const {
    const auto sizes = integers("shape");
    try {
      const std::vector<std::int64_t> checked(sizes.begin(),
                                              sizes.end());  // those from 2^63 on come out negative
      return Shape(checked);
    } catch (const Error& error) { fail("{}: impossible shape ({})", where_, error.what()); }
  }

  Dtype dtype() const {
    const auto& code = field("dtype");
    if (!code.is_string()) fail("{}: dtype is not a string", where_);
    const auto text = code.get<std::string>();
    if (const auto dtype = dtype_of_code(text)) return *dtype;
    fail("{}: dtype {} is not supported; convert it to one of {}", where_, text, fmt::join(kDtypes, ", "));
  }

  std::string where_;
  const std::string& name_;
  const json& value_;
};

// The tensors lie one after another, in any order, and fill the file.
void check_layout(const InputFile& file, std::vector<Entry> entries, std::uint64_t data_bytes) {
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return std::pair(a.begin, a.end) < std::pair(b.begin, b.end); });
  std::uint64_t end = 0;
  for (const auto& entry : entries) {
    if (entry.end > data_bytes)
      fail("load: {}: tensor {} ends at byte {} of {}; the file is truncated or damaged", file.path(), entry.name,
           entry.end, data_bytes);
    if (entry.begin < end) fail("load: {}: tensor {} overlaps another", file.path(), entry.name);
    if (entry.begin > end) fail("load: {}: there is a hole before tensor {}", file.path(), entry.name);
    end = entry.end;
  }
  if (end != data_bytes)
    fail("load: {}: {} bytes after the last tensor belong to none", file.path(), data_bytes - end);
}

Tensor read_tensor(const InputFile& file, const Entry& entry, std::uint64_t data_begin) {
  const Tensor x = empty(entry.spec.shape, entry.spec.dtype);
  const auto bytes = static_cast<std::size_t>(entry.end - entry.begin);
  auto* elements = static_cast<std::uint8_t*>(x.writable("load").data);
  file.read(data_begin + entry.begin, elements, bytes);
  if (x.dtype() == boolean && std::any_of(elements, elements + bytes, [](std::uint8_t b) { return b > 1; }))
    fail("load: {}: tensor {} is BOOL, but a byte is neither 0 nor 1", file.path(), entry.name);
  return x;
}

}  // namespace

void save(const std::string& path, std::span<const NamedTensor> tensors, const Metadata& metadata) {
  check_names(path, tensors);
  const NoGrad off;
  const auto order = order_of_data(tensors);
  const auto header = header_of(path, tensors, offsets_of(tensors, order), metadata);
  AtomicFile file("save", path);
  file.write(header);
  for (const auto i : order) {
    const Tensor dense = tensors[i].tensor.contiguous();
    file.write(dense.view().data, static_cast<std::size_t>(bytes_of(dense)));
  }
  file.commit();
}

Contents load_contents(const std::string& path) {
  const InputFile file("load", path);
  std::uint64_t data_begin = 0;
  const auto [root, names] = read_header(file, data_begin);
  std::vector<Entry> entries;
  for (const auto& name : names)
    if (name != kMetadata) entries.push_back(EntryReader(path, name, root[name]).read());
  check_layout(file, entries, file.size() - data_begin);

  Contents contents{{}, metadata_of(path, root)};
  for (const auto& entry : entries) contents.tensors.push_back({entry.name, read_tensor(file, entry, data_begin)});
  return contents;
}

std::vector<NamedTensor> load(const std::string& path) { return load_contents(path).tensors; }

std::vector<NamedTensor> section(std::span<const NamedTensor> tensors, std::string_view prefix) {
  std::vector<NamedTensor> found;
  for (const auto& [name, tensor] : tensors)
    if (name.starts_with(prefix)) found.push_back({name.substr(prefix.size()), tensor});
  return found;
}

}  // namespace ebb::io
