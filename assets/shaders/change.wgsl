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

fn cubic_weights(t: f32) -> vec4f {
    let t2 = t * t;
    let t3 = t2 * t;
    return 0.5 * vec4f(
        2.0 * t2 - t - t3,
        2.0 - 5.0 * t2 + 3.0 * t3,
        t + 4.0 * t2 - 3.0 * t3,
        t3 - t2,
    );
}

@fragment
fn colour_minus_crop(@builtin(position) position: vec4f) -> @location(0) vec4f {
    let pixel = vec2i(position.xy);
    let at = vec3f(vec2f(pixel), 1.0);
    let last = vec2i(textureDimensions(cells)) - 1;
    var point = vec2f(dot(job.rows[0].xyz, at), dot(job.rows[1].xyz, at));
    point = clamp(point, vec2f(-1.0), vec2f(last) + 1.0);
    let first = floor(point);
    let x_weights = cubic_weights(point.x - first.x);
    let y_weights = cubic_weights(point.y - first.y);
    var field = vec3f(0.0);
    for (var y = 0; y < 4; y++) {
        for (var x = 0; x < 4; x++) {
            let cell = clamp(vec2i(first) + vec2i(x, y) - 1, vec2i(0), last);
            field += x_weights[x] * y_weights[y] * textureLoad(cells, cell, 0).rgb;
        }
    }
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
    let last = vec2i(textureDimensions(source)) - 1;
    let point = clamp(vec2f(dot(in.x, at), dot(in.y, at)), vec2f(0.0), vec2f(last));
    let first = vec2i(point);
    let next = min(first + 1, last);
    let t = point - vec2f(first);
    let above = mix(textureLoad(source, first, 0).rgb, textureLoad(source, vec2i(next.x, first.y), 0).rgb, t.x);
    let below = mix(textureLoad(source, vec2i(first.x, next.y), 0).rgb, textureLoad(source, next, 0).rgb, t.x);
    let to_add = textureLoad(base, pixel, 0);
    return vec4f(mix(above, below, t.y) + to_add.rgb, to_add.a);
}

// ---- The neck field: the photo's own pixels, moved and shaded ----

fn cubic_source(point: vec2f) -> vec3f {
    let last = vec2i(job.size.zw) - 1;
    let at = clamp(point, vec2f(-1.0), job.size.zw);
    let first = floor(at);
    let x_weights = cubic_weights(at.x - first.x);
    let y_weights = cubic_weights(at.y - first.y);
    var sum = vec3f(0.0);
    for (var y = 0; y < 4; y++) {
        for (var x = 0; x < 4; x++) {
            let pixel = clamp(vec2i(first) + vec2i(x, y) - 1, vec2i(0), last);
            sum += x_weights[x] * y_weights[y] * textureLoad(source, pixel, 0).rgb;
        }
    }
    return sum;
}

struct Bilinear {
    first: vec2i,
    next: vec2i,
    t: vec2f,
}

// The edge continues beyond the border.
fn bilinear(point: vec2f, size: vec2u) -> Bilinear {
    let last = vec2i(size) - 1;
    let at = clamp(point, vec2f(0.0), vec2f(last));
    let first = vec2i(at);
    return Bilinear(first, min(first + 1, last), at - vec2f(first));
}

fn motion_at(cell: vec2f) -> vec4f {
    let b = bilinear(cell, textureDimensions(cells));
    let above = mix(textureLoad(cells, b.first, 0), textureLoad(cells, vec2i(b.next.x, b.first.y), 0), b.t.x);
    let below = mix(textureLoad(cells, vec2i(b.first.x, b.next.y), 0), textureLoad(cells, b.next, 0), b.t.x);
    return mix(above, below, b.t.y);
}

fn shade_at(cell: vec2f) -> vec4f {
    let b = bilinear(cell, textureDimensions(base));
    let above = mix(textureLoad(base, b.first, 0), textureLoad(base, vec2i(b.next.x, b.first.y), 0), b.t.x);
    let below = mix(textureLoad(base, vec2i(b.first.x, b.next.y), 0), textureLoad(base, b.next, 0), b.t.x);
    return mix(above, below, b.t.y);
}

fn low_at(cell: vec2f) -> vec3f {
    let b = bilinear(cell, textureDimensions(crop));
    let above = mix(textureLoad(crop, b.first, 0), textureLoad(crop, vec2i(b.next.x, b.first.y), 0), b.t.x);
    let below = mix(textureLoad(crop, vec2i(b.first.x, b.next.y), 0), textureLoad(crop, b.next, 0), b.t.x);
    return mix(above, below, b.t.y).rgb;
}

// The mask, interpolated bilinearly, 0 beyond its border.
fn field_mask_at(point: vec2f) -> f32 {
    let first = floor(point);
    let t = point - first;
    let size = vec2i(textureDimensions(mask));
    var rows: array<f32, 2>;
    for (var y = 0; y < 2; y++) {
        var values: array<f32, 2>;
        for (var x = 0; x < 2; x++) {
            let at = vec2i(first) + vec2i(x, y);
            if all(at >= vec2i(0)) && all(at < size) {
                values[x] = textureLoad(mask, at, 0).r;
            }
        }
        rows[y] = mix(values[0], values[1], t.x);
    }
    return mix(rows[0], rows[1], t.y);
}

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
    let opacity = field_mask_at(in_crop);
    if opacity <= 0.0 || any(vec2f(pixel) >= job.size.zw) {
        discard;
    }
    let grid = job.numbers[1].xy;
    let share = job.numbers[1].z;
    let cell = in_crop * grid.x + grid.y;
    let motion = motion_at(cell);
    let shade = shade_at(cell);
    let presence = min(abs(share) / FULL_PULL, 1.0);
    let shift = opacity * (share * motion.xy + presence * vec2f(motion.w, shade.w));
    let back = job.numbers[0];
    let origin = vec2f(dot(back.xy, shift), dot(back.zw, shift)) + at.xy;
    let warped = cubic_source(origin);
    let low = low_at((in_crop + shift) * grid.x + grid.y);
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
