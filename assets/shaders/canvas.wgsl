// Draws the photo, the changes of its faces, and overlays. Positions are computed from the pixel
// that is drawn, never interpolated, so that every way to compare shows the very same pixels.
//
// A face whose change meets no other's is added to the photo at once. Where changes may overlap, each
// face first adds its share, and how much of it there is, to a picture of half floats ("shares"); then
// their sum is added to the photo, divided by the sum of opacities where that is more than 1.
//
// "Local" coordinates are photo pixels counted from the first pixel of a piece (a tile of the
// photo, or its reduced copy): small numbers, whole at pixel centres.

struct Draw {
    // Corners of the quad, in physical pixels of the target: top left, top right, bottom left,
    // bottom right.
    corners: array<vec4f, 2>,
    // xy: size of the target; zw: the pane's top left, in physical pixels.
    screen: vec4f,
    // x: photo pixels per screen pixel; yz: local position of the pane's top left; w: 1 where photo
    // pixels are drawn as squares.
    local_from_pane: vec4f,
    // xy: reciprocal size of the piece in photo pixels; z: level of detail; w: 1 for full resolution.
    piece: vec4f,
    // The part of the piece that it stands for, in local pixels: left, top, right, bottom.
    limits: vec4f,
    // rgb: what shows through a transparent photo; w: gain of the difference, 0 to draw colours.
    background: vec4f,
    // Rows of the affine map to pixels of the crop.
    crop_from_local: array<vec4f, 2>,
    // Rows of the affine map to pixels of the change, at its finest level.
    change_from_local: array<vec4f, 2>,
    // xy: size of the change; zw: reciprocal size of its texture.
    change_size: vec4f,
    // xy: weights of both differences; zw: weights of both opacities.
    weights: vec4f,
    // x: level of detail of the change; y: largest detail beyond the crop that is no outline, or
    // negative where the crop is the denser one; z: 1 where the crop is grey.
    change: vec4f,
    // Opacities of mask tint, mask contour, labels, heat map.
    overlay: vec4f,
    // xy: the top left of the shares, in physical pixels of the target.
    shares: vec4f,
}

@group(0) @binding(0) var<uniform> draw: Draw;
@group(0) @binding(1) var smooth_sampler: sampler;

@group(1) @binding(0) var piece: texture_2d<f32>;

@group(2) @binding(0) var change_a: texture_2d<f32>;
@group(2) @binding(1) var change_b: texture_2d<f32>;
@group(2) @binding(2) var mask: texture_2d<f32>;
@group(2) @binding(3) var crop: texture_2d<f32>;
@group(2) @binding(4) var labels: texture_2d<f32>;

@group(2) @binding(0) var shares: texture_2d<f32>;

@vertex
fn quad(@builtin(vertex_index) index: u32) -> @builtin(position) vec4f {
    let pair = draw.corners[index / 2u];
    let corner = select(pair.xy, pair.zw, index % 2u == 1u);
    let place = corner / draw.screen.xy * 2.0 - 1.0;
    return vec4f(place.x, -place.y, 0.0, 1.0);
}

// The local position of a pixel's centre, which lies at a half.
fn local_at(pixel: vec2f) -> vec2f {
    let local = (pixel - draw.screen.zw) * draw.local_from_pane.x + draw.local_from_pane.yz;
    return select(local, floor(local + 0.5), draw.local_from_pane.w > 0.5);
}

fn mapped(rows: array<vec4f, 2>, point: vec2f) -> vec2f {
    let p = vec3f(point, 1.0);
    return vec2f(dot(rows[0].xyz, p), dot(rows[1].xyz, p));
}

fn before_at(local: vec2f) -> vec3f {
    var colour: vec4f;
    if draw.local_from_pane.w * draw.piece.w > 0.5 {
        let last = vec2i(textureDimensions(piece)) - 1;
        colour = textureLoad(piece, clamp(vec2i(local), vec2i(0), last), 0);
    } else {
        colour = textureSampleLevel(piece, smooth_sampler, (local + 0.5) * draw.piece.xy, draw.piece.z);
    }
    return mix(draw.background.rgb, colour.rgb, colour.a);
}

@fragment
fn around() -> @location(0) vec4f {
    return vec4f(draw.background.rgb, 1.0);
}

@fragment
fn photo(@builtin(position) pixel: vec4f) -> @location(0) vec4f {
    if draw.background.w > 0.0 {
        return vec4f(0.0, 0.0, 0.0, 1.0);
    }
    return vec4f(before_at(local_at(pixel.xy)), 1.0);
}

fn beyond_limits(local: vec2f) -> bool {
    return any(local < draw.limits.xy) || any(local > draw.limits.zw);
}

// A grey crop changes in luminance only.
fn toned(shift: vec3f) -> vec3f {
    if draw.change.z > 0.5 {
        return vec3f(dot(shift, vec3f(0.2126, 0.7152, 0.0722)));
    }
    return shift;
}

fn changed(before: vec3f, shift: vec3f) -> vec4f {
    let after = clamp(before + shift, vec3f(0.0), vec3f(1.0));
    if draw.background.w > 0.0 {
        return vec4f(abs(after - before) * draw.background.w, 1.0);
    }
    return vec4f(after, 1.0);
}

// ---- The change as the export adds it ----

// A change of this size counts as a full change of what is shown.
const FULL_CHANGE = 0.05;

// What the face adds to a pixel that was this colour, and its opacity; `masked` is that of the mask
// at the crop's size.
fn exact_share(local: vec2f, before: vec3f, masked: f32) -> vec4f {
    var opacity = masked;
    let taps = taps_at(mapped(draw.change_from_local, local), draw.change_size.xy);
    let difference = cubic(change_a, taps);
    var wanted = difference.rgb;
    let largest_detail = draw.change.y;
    if largest_detail < 0.0 {
        opacity = clamp(difference.a, 0.0, 1.0);
    } else {
        let size = abs(difference.rgb);
        let share = min(max(size.r, max(size.g, size.b)) / FULL_CHANGE, 1.0);
        let detail = before - cubic(crop, taps).rgb;
        let outline = detail - clamp(detail, vec3f(-largest_detail), vec3f(largest_detail));
        wanted -= share * outline;
    }
    return vec4f(toned(opacity * wanted), opacity);
}

@fragment
fn exact_face(@builtin(position) pixel: vec4f) -> @location(0) vec4f {
    let local = local_at(pixel.xy);
    if beyond_limits(local) {
        discard;
    }
    let masked = bilinear_within(mask, mapped(draw.crop_from_local, local));
    if masked <= 0.0 {
        discard;
    }
    let before = before_at(local);
    return changed(before, exact_share(local, before, masked).rgb);
}

@fragment
fn add_exact_face(@builtin(position) pixel: vec4f) -> @location(0) vec4f {
    let local = local_at(pixel.xy);
    let masked = bilinear_within(mask, mapped(draw.crop_from_local, local));
    if masked <= 0.0 {
        discard;
    }
    return exact_share(local, before_at(local), masked);
}

// ---- The change blended from keyframes, or reduced ----

// The shift of a whole level and its opacity. The finest level holds difference and opacity, the
// others their product and the opacity.
fn shift_of_level(uv: vec2f, level: f32) -> vec4f {
    let a = textureSampleLevel(change_a, smooth_sampler, uv, level);
    var shift = draw.weights.x * a.rgb;
    var opacity = draw.weights.z * a.a;
    if draw.weights.y != 0.0 || draw.weights.w != 0.0 {
        let b = textureSampleLevel(change_b, smooth_sampler, uv, level);
        shift += draw.weights.y * b.rgb;
        opacity += draw.weights.w * b.a;
    }
    if level < 0.5 {
        shift *= opacity;
    }
    return vec4f(shift, opacity);
}

fn smooth_shift(local: vec2f) -> vec4f {
    let at = mapped(draw.change_from_local, local);
    if any(at < vec2f(-0.5)) || any(at > draw.change_size.xy - 0.5) {
        return vec4f(0.0);
    }
    let uv = (at + 0.5) * draw.change_size.zw;
    let level = floor(draw.change.x);
    let finer = shift_of_level(uv, level);
    let t = draw.change.x - level;
    var shift = finer;
    if t > 0.0 {
        shift = mix(finer, shift_of_level(uv, level + 1.0), t);
    }
    return vec4f(toned(shift.rgb), shift.a);
}

@fragment
fn smooth_face(@builtin(position) pixel: vec4f) -> @location(0) vec4f {
    let local = local_at(pixel.xy);
    if beyond_limits(local) {
        discard;
    }
    let shift = smooth_shift(local);
    if shift.a <= 0.0 {
        discard;
    }
    return changed(before_at(local), shift.rgb);
}

@fragment
fn add_smooth_face(@builtin(position) pixel: vec4f) -> @location(0) vec4f {
    return smooth_shift(local_at(pixel.xy));
}

// ---- Changes that overlap ----

// What a piece that lies below has added does not count.
@fragment
fn no_shares() -> @location(0) vec4f {
    return vec4f(0.0);
}

@fragment
fn shared_faces(@builtin(position) pixel: vec4f) -> @location(0) vec4f {
    let sum = textureLoad(shares, vec2i(pixel.xy - draw.shares.xy), 0);
    if sum.a <= 0.0 {
        discard;
    }
    return changed(before_at(local_at(pixel.xy)), sum.rgb / max(sum.a, 1.0));
}

// ---- Overlays, blended over what is there ----

fn over(below: vec4f, colour: vec3f, alpha: f32) -> vec4f {
    return vec4f(colour * alpha, alpha) + below * (1.0 - alpha);
}

// Colours of the labels of face parsing: neighbours in the face differ clearly.
fn label_colour(label: u32) -> vec3f {
    var palette = array<vec3f, 19>(
        vec3f(0.00, 0.00, 0.00), // background
        vec3f(0.95, 0.70, 0.55), // skin
        vec3f(0.55, 0.35, 0.10), // brows
        vec3f(0.65, 0.42, 0.12),
        vec3f(0.20, 0.55, 0.95), // eyes
        vec3f(0.10, 0.40, 0.85),
        vec3f(0.60, 0.60, 0.65), // glasses
        vec3f(0.95, 0.55, 0.80), // ears
        vec3f(0.85, 0.45, 0.70),
        vec3f(1.00, 0.90, 0.30), // earring
        vec3f(0.95, 0.85, 0.25), // nose
        vec3f(0.55, 0.05, 0.10), // mouth
        vec3f(0.95, 0.20, 0.30), // lips
        vec3f(0.80, 0.10, 0.25),
        vec3f(0.25, 0.85, 0.50), // neck
        vec3f(0.90, 0.90, 0.90), // necklace
        vec3f(0.45, 0.40, 0.85), // cloth
        vec3f(0.45, 0.25, 0.15), // hair
        vec3f(0.30, 0.70, 0.70), // hat
    );
    return palette[min(label, 18u)];
}

fn opacity_at(local: vec2f) -> f32 {
    return clamp(smooth_shift(local).a, 0.0, 1.0);
}

@fragment
fn overlays(@builtin(position) pixel: vec4f) -> @location(0) vec4f {
    let local = local_at(pixel.xy);
    let in_crop = mapped(draw.crop_from_local, local);
    let crop_size = vec2f(textureDimensions(crop));
    if any(in_crop < vec2f(-0.5)) || any(in_crop > crop_size - 0.5) {
        discard;
    }
    var sum = vec4f(0.0);
    if draw.overlay.z > 0.0 {
        let size = vec2f(textureDimensions(labels));
        let at = vec2i(clamp((in_crop + 0.5) / crop_size * size, vec2f(0.0), size - 1.0));
        let label = u32(textureLoad(labels, at, 0).r * 255.0 + 0.5);
        if label > 0u {
            sum = over(sum, label_colour(label), draw.overlay.z);
        }
    }
    let shift = smooth_shift(local);
    let opacity = clamp(shift.a, 0.0, 1.0);
    if draw.overlay.w > 0.0 {
        let size = abs(shift.rgb);
        let heat = max(size.r, max(size.g, size.b));
        // From a level or two, which nobody sees, to a change as large as that of an outline.
        let share = smoothstep(0.004, 0.25, heat);
        let colour = mix(vec3f(1.0, 0.85, 0.2), vec3f(0.95, 0.1, 0.05), share);
        sum = over(sum, colour, draw.overlay.w * smoothstep(0.002, 0.04, heat));
    }
    if draw.overlay.x > 0.0 {
        sum = over(sum, vec3f(0.95, 0.2, 0.25), 0.6 * draw.overlay.x * opacity);
    }
    if draw.overlay.y > 0.0 {
        let step = draw.local_from_pane.x;
        let slope = vec2f(
            opacity_at(local + vec2f(step, 0.0)) - opacity_at(local - vec2f(step, 0.0)),
            opacity_at(local + vec2f(0.0, step)) - opacity_at(local - vec2f(0.0, step)),
        );
        // Distance to the line of half opacity in screen pixels, as far as the slope tells.
        let distance = abs(opacity - 0.5) / max(0.5 * length(slope), 1e-4);
        let line = clamp(1.5 - distance, 0.0, 1.0);
        sum = over(sum, vec3f(0.3, 0.9, 1.0), draw.overlay.y * line);
    }
    if sum.a <= 0.0 {
        discard;
    }
    return sum;
}
