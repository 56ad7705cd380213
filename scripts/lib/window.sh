# shellcheck shell=bash
# Drives the real window of Jawline on a screen of its own (Xvfb) with real mouse and keyboard events.
# To be sourced, as scripts/window and scripts/screenshots do, who `trap screen_end EXIT`. Pictures go to
# the folder $shots.

# Where things are, in points from the top left; x below 0 counts from the window's right edge. These are
# the only places that are known, so they hold at every size and UI scale.
SAMPLE_MIDDLE="640 376"  # the welcome's sample in the middle (of a window of 1280×800): Older woman
RESTORE="-107 51"        # Restore in the banner after a crash
MENU="-19 17"            # the menu at the right end of the bar, and its entries
MENU_SETTINGS="-110 192"
MENU_LOG="-110 246"
MENU_ABOUT="-110 273"
MENU_QUIT="-127 311"
FOLD_MASK="-250 241"     # the folds of the panel on the right of a prepared face, the others closed
FOLD_WARP="-250 268"
FOLD_LAYERS="-250 295"
FOLD_PRESETS="-250 322"
FOLD_OVERLAYS="-250 349"
EXPORT_NOW="478 506"     # «Export the photo» in the export window (of a window of 1280×800)
CANCEL="405 785"         # the status line's Cancel while a face is prepared (in one of 1280×800), and text
WORK_TEXT="120x16+290+777" # that is there as long
BANNER="1280x30+0+36"    # the first banner, below the bar

# With all panels hidden the photo (1024×1024) fits with a margin of 12 pixels: 776×776 at 252,12.
PHOTO="776x776+252+12"
EYES="285x75+490+338"    # the eyes of a sample there
NECK="320x115+480+658"   # and the neck
EYES_LEFT="226x60+201+351" # the same side by side: 615×615 at 12,92 and at 653,92
EYES_RIGHT="226x60+842+351"
NECK_LEFT="254x90+193+605"
NECK_RIGHT="254x90+834+605"

width_px=1280
ui_scale=1
shots=target/window
shot=
shot_count=0
screen_pids=()
window_pid=
scratch=$(mktemp -d)

# screen_begin WIDTHxHEIGHT [UI_SCALE]: a new screen; $DISPLAY names it.
screen_begin() {
  local size=$1
  width_px=${size%x*}
  height_px=${size#*x}
  ui_scale=${2:-1}
  unset WAYLAND_DISPLAY
  export XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-$scratch}
  rm -f "$scratch/display"
  Xvfb -displayfd 3 -screen 0 "${size}x24" -nolisten tcp -noreset 3>"$scratch/display" 2>"$scratch/xvfb.log" &
  screen_pids+=($!)
  until_true 20 test -s "$scratch/display" || {
    cat "$scratch/xvfb.log" >&2
    return 1
  }
  DISPLAY=:$(<"$scratch/display")
  export DISPLAY
  mkdir -p "$shots"
}

# Ends everything that was started.
screen_end() {
  local pid
  for pid in ${window_pid:+"$window_pid"} ${screen_pids[@]+"${screen_pids[@]}"}; do
    kill -9 "$pid" 2>/dev/null || true
  done
  wait 2>/dev/null || true
  rm -rf "$scratch"
}

# private_data_dir FOLDER [SETTINGS]: a data directory with the installed networks and nothing else.
private_data_dir() {
  local installed=${installed_data_dir:-${JAWLINE_DATA_DIR:-$HOME/.local/share/jawline}}
  mkdir -p "$1"
  ln -s "$installed/packs" "$installed/runtime" "$1/"
  [[ -z ${2:-} ]] || printf '%s\n' "$2" >"$1/settings.json"
}

# window_begin BINARY [ARGUMENT…]: starts the program and waits for its window. What it logs is added
# to $window_log.
window_begin() {
  window_log=${window_log:-$scratch/jawline.log}
  NO_COLOR=1 JAWLINE_LOG=jawline=info,warn "$@" >>"$window_log" 2>&1 &
  window_pid=$!
  until_true 60 window_is_there || return 1
  # There is no window manager that would give it the keyboard and the whole screen.
  local window
  window=$(xdotool search --onlyvisible --name '^Jawline' | tail -1)
  xdotool windowfocus "$window" windowsize "$window" "$width_px" "$height_px" mousemove $((width_px / 2)) $((height_px * 3 / 4))
  until_true 30 is_drawn
}

window_is_there() { is_alive && xdotool search --onlyvisible --name '^Jawline' >/dev/null 2>&1; }
is_alive() { kill -0 "$window_pid" 2>/dev/null; }
is_drawn() { (($(brightest 200x34+0+0) > 128)); }
is_gone() { ! is_alive; }

# window_end SECONDS: waits for the program's end, at most so long, then kills it; $status is its exit
# status.
window_end() {
  status=0
  {
    until_true "$1" is_gone || kill -9 "$window_pid"
    wait "$window_pid" || status=$?
  } 2>/dev/null
  window_pid=
}
window_kill() {
  kill -9 "$window_pid"
  window_end 5
}

# until_true SECONDS COMMAND…: again and again until it succeeds.
until_true() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < end)) || return 1
    sleep 0.2
  done
}

# shot NAME: keeps a picture of the whole screen; $shot is its path. The same name again replaces it.
shot() {
  [[ $shot == *-$1.png ]] || shot_count=$((shot_count + 1))
  shot=$(printf '%s/%02d-%s.png' "$shots" "$shot_count" "$1")
  import -silent -window root "$shot"
}
# shows NAME TEST ARGUMENT…: takes a picture of this name until it passes the test, at most 30 seconds;
# @ among the arguments stands for the picture.
shows() {
  local name=$1
  shift
  until_true 30 shot_passes "$name" "$@"
}
shot_passes() {
  local name=$1
  shift
  shot "$name"
  "${@/#@/$shot}"
}

# brightest CROP: the brightest value on the screen there, 0 to 255.
brightest() { look_at "$1" maxima; }
darkest() { look_at "$1" minima; }
look_at() { import -silent -window root -crop "$1" png:- | convert - -format "%[fx:round(255*$2)]" info:; }

# difference A B [CROP_A [CROP_B]]: the mean absolute difference in hundredths of one of 256 levels.
difference() { measure mean 25500 "$@"; }
# largest_difference A B [CROP_A [CROP_B]]: that of the one pixel that differs most, in levels.
largest_difference() { measure maxima 255 "$@"; }
measure() {
  local what=$1 scale=$2 a=$3 b=$4 crop_a=${5:-} crop_b=${6:-${5:-}}
  convert \( "$a" ${crop_a:+-crop "$crop_a"} +repage \) \( "$b" ${crop_b:+-crop "$crop_b"} +repage \) -alpha off \
    -compose difference -composite -format "%[fx:round($scale*$what)]" info: 2>/dev/null || echo 999999
}

# rests SECONDS: waits until the screen (without the status line) has not changed for 3 seconds.
rests() {
  local end=$((SECONDS + $1)) crop="${width_px}x$((height_px - 32 * ui_scale))+0+0" old=none new since=$SECONDS
  while ((SECONDS < end)); do
    new=$(import -silent -window root -crop "$crop" rgb:- | cksum)
    [[ $new == "$old" ]] || since=$SECONDS
    ((SECONDS - since < 3)) || return 0
    old=$new
    sleep 0.3
  done
  return 1
}

# click PLACE; drag PLACE PLACE; press KEY…
click() {
  local x y
  read -r x y < <(on_screen "$1")
  xdotool mousemove "$x" "$y" sleep 0.3 click 1 sleep 0.5
}
drag() {
  local from_x from_y to_x to_y step
  read -r from_x from_y < <(on_screen "$1")
  read -r to_x to_y < <(on_screen "$2")
  xdotool mousemove "$from_x" "$from_y" sleep 0.2 mousedown 1 sleep 0.1
  for step in 1 2 3 4 5 6 7 8; do
    xdotool mousemove $((from_x + (to_x - from_x) * step / 8)) $((from_y + (to_y - from_y) * step / 8)) sleep 0.05
  done
  xdotool sleep 0.2 mouseup 1 sleep 0.2
}
press() {
  local key
  for key in "$@"; do xdotool key "$key" sleep 0.5; done
}
# A place in pixels of the screen.
on_screen() {
  local x=${1% *} y=${1#* }
  ((x >= 0)) || x=$((x + width_px / ui_scale))
  echo "$((x * ui_scale)) $((y * ui_scale))"
}

# find_slider: looks for the chin slider's track at the top of the panel on the right: the row with the
# most pixels in the track's greys and the accent colour.
find_slider() {
  local left=$((width_px - 400 * ui_scale)) top=$((40 * ui_scale))
  read -r track_left track_right track_y < <(
    import -silent -window root -crop "$((400 * ui_scale))x$((120 * ui_scale))+$left+$top" +repage png:- |
      convert - -depth 8 txt:- |
      awk -F '[,: ]+' -v left="$left" -v top="$top" '
        / #(464646|6E6E6E|E8A84A) / {
          if (!($2 in first)) first[$2] = $1
          last[$2] = $1
          if (++count[$2] > count[best]) best = $2
        }
        END { if (count[best] > 120) print left + first[best], left + last[best] + 1, top + best + 1 }'
  )
}
# slider AMOUNT: its handle there, as a place in points. The track goes from -20 to 100.
slider() { echo "$(((track_left + (track_right - track_left) * ($1 + 20) / 120) / ui_scale)) $((track_y / ui_scale))"; }
# slider_is_at AMOUNT: the handle stands there and is awake (grey 225 and more; asleep it is 110).
slider_is_at() {
  local x y
  find_slider || return 1
  read -r x y < <(on_screen "$(slider "$1")")
  (($(darkest "4x4+$((x - 2))+$((y - 2))") >= 200))
}
preparation_is_shown() { (($(brightest "$WORK_TEXT") > 150)); }
no_preparation_is_shown() { ! preparation_is_shown; }
quit_by_menu() {
  click "$MENU"
  click "$MENU_QUIT"
}
