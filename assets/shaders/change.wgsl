// Makes the change of a face: warp, colour and difference of an edited crop at the crop's size,
// then a copy at the photo's density where that is lower, then reduced levels.
//
// Pixels are written one to one; the position that a fragment gets is the centre of its pixel, a
// half beyond the whole number that the rest of the program counts with.

struct Job {
    // Rows of an affine map.
    rows: array<vec4f, 2>,
    // xy: size of the target in pixels; zw: size of the source.
    size: vec4f,
    numbers: array<vec4f, 2>,
}

@group(0) @binding(0) var<uniform> job: Job;
@group(0) @binding(1) var source: texture_2d<f32>;
@group(0) @binding(2) var crop: texture_2d<f32>;
@group(0) @binding(3) var cells: texture_2d<f32>;
@group(0) @binding(4) var mask: texture_2d<f32>;
@group(0) @binding(5) var base: texture_2d<f32>;

@vertex
fn everywhere(@builtin(vertex_index) index: u32) -> @builtin(position) vec4f {
    let corner = vec2f(f32(index & 1u), f32(index >> 1u));
    return vec4f(corner * 4.0 - 1.0, 0.0, 1.0);
}

// ---- The base: colour field minus crop, with the mask ----

@fragment
fn colour_minus_crop(@builtin(position) position: vec4f) -> @location(0) vec4f {
    let pixel = vec2i(position.xy);
    let at = vec3f(vec2f(pixel), 1.0);
    let point = vec2f(dot(job.rows[0].xyz, at), dot(job.rows[1].xyz, at));
    let field = cubic(cells, taps_at(point, vec2f(textureDimensions(cells)))).rgb;
    return vec4f(field - textureLoad(crop, pixel, 0).rgb, textureLoad(mask, pixel, 0).r);
}

// ---- The warp: one triangle after the other ----

struct Corner {
    @builtin(position) position: vec4f,
    // Rows of the affine map from the warped to the edited picture, the same for a whole triangle.
    @location(0) @interpolate(flat) x: vec3f,
    @location(1) @interpolate(flat) y: vec3f,
}

@vertex
fn corner(
    @location(0) point: vec2f,
    @location(1) x: vec3f,
    @location(2) y: vec3f,
) -> Corner {
    let place = (point + 0.5) / job.size.xy * 2.0 - 1.0;
    return Corner(vec4f(place.x, -place.y, 0.0, 1.0), x, y);
}

@fragment
fn warped(in: Corner) -> @location(0) vec4f {
    let pixel = vec2i(in.position.xy);
    let at = vec3f(vec2f(pixel), 1.0);
    let edited = bilinear(source, vec2f(dot(in.x, at), dot(in.y, at))).rgb;
    let to_add = textureLoad(base, pixel, 0);
    return vec4f(edited + to_add.rgb, to_add.a);
}

// ---- The neck field: the photo's own pixels, moved and shaded ----

// From this share of the amount on, pulls act in full.
const FULL_PULL = 0.1;

// `source` is a part of the photo, `cells` the motion (and its fourth value the pull to the right), `base` the
// shade (and the pull downwards), `crop` the crop without its detail. The rows map to pixels of the crop;
// numbers[0] is the linear part of the map back; numbers[1] has scale and offset from the crop to cells of the
// grid, and the share of the amount. What is written is the change divided by its opacity.
@fragment
fn moved(@builtin(position) position: vec4f) -> @location(0) vec4f {
    let pixel = vec2i(position.xy);
    let at = vec3f(vec2f(pixel), 1.0);
    let in_crop = vec2f(dot(job.rows[0].xyz, at), dot(job.rows[1].xyz, at));
    let opacity = bilinear_within(mask, in_crop);
    if opacity <= 0.0 || any(vec2f(pixel) >= job.size.zw) {
        discard;
    }
    let grid = job.numbers[1].xy;
    let share = job.numbers[1].z;
    let cell = in_crop * grid.x + grid.y;
    let motion = bilinear(cells, cell);
    let shade = bilinear(base, cell);
    let presence = min(abs(share) / FULL_PULL, 1.0);
    let shift = opacity * (share * motion.xy + presence * vec2f(motion.w, shade.w));
    let back = job.numbers[0];
    let origin = vec2f(dot(back.xy, shift), dot(back.zw, shift)) + at.xy;
    let warped = cubic(source, taps_at(origin, job.size.zw)).rgb;
    let low = bilinear(crop, (in_crop + shift) * grid.x + grid.y).rgb;
    let lost = min(share * (1.0 - motion.z), 1.0);
    let before = textureLoad(source, pixel, 0).rgb;
    return vec4f((warped - before) / opacity + share * shade.rgb - lost * (warped - low), opacity);
}

// ---- To the photo's density, rows first ----

const LOBES = 3.0;
const PI = 3.14159265358979;

fn sinc(x: f32) -> f32 {
    let angle = PI * x;
    return select(sin(angle) / angle, 1.0, abs(angle) < 1e-4);
}

fn lanczos(x: f32) -> f32 {
    return select(0.0, sinc(x) * sinc(x / LOBES), abs(x) < LOBES);
}

fn reduced(pixel: vec2i, axis: vec2i) -> vec4f {
    let along = vec2f(axis);
    let source_length = dot(job.size.zw, along);
    let scale = source_length / dot(job.size.xy, along);
    let stretch = max(scale, 1.0);
    let centre = (dot(vec2f(pixel), along) + 0.5) * scale - 0.5;
    let first = i32(max(ceil(centre - LOBES * stretch), 0.0));
    let end = i32(min(floor(centre + LOBES * stretch) + 1.0, source_length));
    let across = pixel * (1 - axis);
    var sum = vec4f(0.0);
    var weights = 0.0;
    for (var at = first; at < end; at++) {
        let weight = lanczos((f32(at) - centre) / stretch);
        weights += weight;
        sum += weight * textureLoad(source, across + at * axis, 0);
    }
    return sum / weights;
}

@fragment
fn reduced_rows(@builtin(position) position: vec4f) -> @location(0) vec4f {
    return reduced(vec2i(position.xy), vec2i(0, 1));
}

@fragment
fn reduced_columns(@builtin(position) position: vec4f) -> @location(0) vec4f {
    return reduced(vec2i(position.xy), vec2i(1, 0));
}

// ---- Reduced levels: the mean of what is added to the photo, and of its opacity ----

fn quarter(position: vec4f, x: i32, y: i32) -> vec4f {
    return textureLoad(source, vec2i(position.xy) * 2 + vec2i(x, y), 0);
}

fn product(change: vec4f) -> vec4f {
    let opacity = clamp(change.a, 0.0, 1.0);
    return vec4f(change.rgb * opacity, opacity);
}

@fragment
fn first_half(@builtin(position) position: vec4f) -> @location(0) vec4f {
    return 0.25 * (product(quarter(position, 0, 0)) + product(quarter(position, 1, 0))
        + product(quarter(position, 0, 1)) + product(quarter(position, 1, 1)));
}

@fragment
fn next_half(@builtin(position) position: vec4f) -> @location(0) vec4f {
    return 0.25 * (quarter(position, 0, 0) + quarter(position, 1, 0)
        + quarter(position, 0, 1) + quarter(position, 1, 1));
}
