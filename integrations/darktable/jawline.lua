--[[
Jawline for darktable (4.2 or newer).

Adds "retouch with Jawline" to the storages of the export module: the selected images are exported
(choose 16-bit TIFF), retouched, put beside their originals as NAME_jawline.tif, imported and grouped
with them.

Put this file into darktable's folder of Lua scripts and add `require "jawline"` to its luarc; see
docs/integrations.md. The program is `jawline` on the PATH, or what the preference names.
]]

local dt = require "darktable"

local MODULE = "jawline"

dt.preferences.register(MODULE, "program", "file", "Jawline: the program",
  "the file of the program jawline; empty for the one on the PATH", "")
dt.preferences.register(MODULE, "preset", "string", "Jawline: preset",
  "a preset of Jawline's window by its name; empty for as much as is needed", "")

-- A word for a POSIX shell, whatever is in it.
local function quoted(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

local function program()
  local path = dt.preferences.read(MODULE, "program", "file")
  return (path == nil or path == "") and "jawline" or path
end

local function exists(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

-- A name beside the original that nothing has yet.
local function beside(image, exported)
  local stem = image.path .. "/" .. image.filename:gsub("%.[^.]*$", "") .. "_jawline"
  local extension = exported:match("%.[^./]*$") or ".tif"
  local name, number = stem .. extension, 2
  while exists(name) do
    name = stem .. "_" .. number .. extension
    number = number + 1
  end
  return name
end

-- Retouches an exported file; yields whether that went well.
local function retouch(exported, out)
  local command = quoted(program()) .. " retouch --quiet " .. quoted(exported) .. " --out " .. quoted(out)
  local preset = dt.preferences.read(MODULE, "preset", "string")
  if preset ~= nil and preset ~= "" then
    command = command .. " --preset " .. quoted(preset)
  end
  local is_done = os.execute(command)
  return is_done == true or is_done == 0
end

local function store(_, image, _, filename, number, total, _, _)
  local out = beside(image, filename)
  dt.print(string.format("Jawline: %d of %d", number, total))
  if not retouch(filename, out) then
    dt.print_error("jawline: " .. image.filename .. " could not be retouched")
    dt.print("Jawline: " .. image.filename .. " could not be retouched")
    os.remove(filename)
    return
  end
  os.remove(filename)
  local result = dt.database.import(out)
  if result then
    result:group_with(image.group_leader)
  end
end

dt.register_storage(MODULE, "retouch with Jawline", store)

return { retouch = retouch, beside = beside }
