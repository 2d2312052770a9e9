// onnx_peer.js: runs nets in onnxruntime on one thread, for peers.c. Answers each line "onnx NET BATCH CALLS" with seconds.
// NET: "784,256:relu,10:linear". Needs the npm package onnxruntime-node (ONNXRUNTIME: the folder it is installed in).
"use strict";
const path = require("path");
let ort;
try {
  ort = require(path.join(process.env.ONNXRUNTIME || ".", "node_modules", "onnxruntime-node"));
} catch (e) {
  process.exit(1);
}

// ---- an ONNX file, as protocol buffers: onnx.proto gives the field numbers
const varint = (n) => {
  const bytes = [];
  for (; n > 127; n = Math.floor(n / 128)) bytes.push((n % 128) | 128);
  return Buffer.from([...bytes, n]);
};
const number = (field, n) => Buffer.concat([varint(field * 8), varint(n)]);
const bytes = (field, b) => Buffer.concat([varint(field * 8 + 2), varint(b.length), b]);
const text = (field, s) => bytes(field, Buffer.from(s));
const message = (field, ...parts) => bytes(field, Buffer.concat(parts));
const tensor = (name, dims, values) =>
  message(5, ...dims.map((d) => number(1, d)), number(2, 1), text(8, name), bytes(9, Buffer.from(values.buffer)));
const value = (field, name, width) =>
  message(field, text(1, name), message(2, message(1, number(1, 1), message(2, message(1, text(2, "n")), message(1, number(1, width))))));
const node = (op, inputs, output, ...attributes) =>
  message(1, ...inputs.map((i) => text(1, i)), text(2, output), text(4, op), ...attributes);
const onnxOp = { relu: "Relu", tanh: "Tanh", sigmoid: "Sigmoid", softmax: "Softmax" };

function model(net) {
  const [first, ...layers] = net.split(",");
  const transposed = message(5, text(1, "transB"), number(3, 1), number(20, 2));
  const random = (n, scale) => Float32Array.from({ length: n }, () => (Math.random() * 2 - 1) * scale);
  const nodes = [], tensors = [];
  let width = +first, at = "x";
  layers.forEach((layer, i) => {
    const [out, act] = [+layer.split(":")[0], layer.split(":")[1]];
    tensors.push(tensor("w" + i, [out, width], random(out * width, Math.sqrt(6 / width))), tensor("b" + i, [out], random(out, 0.1)));
    nodes.push(node("Gemm", [at, "w" + i, "b" + i], (at = "h" + i), transposed));
    if (act !== "linear") nodes.push(node(onnxOp[act], [at], (at = "a" + i)));
    width = out;
  });
  const graph = message(7, ...nodes, text(2, "net"), ...tensors, value(11, "x", +first), value(12, at, width));
  return { file: Buffer.concat([number(1, 8), graph, message(8, text(1, ""), number(2, 13))]), in: +first };
}

async function main() {
  process.stdout.write("ready\n");
  let session, width, last, made; // of the last net; made: inputs by batch
  for await (const line of require("readline").createInterface({ input: process.stdin })) {
    const [, net, batch, calls] = line.split(" ");
    if (net !== last) {
      const m = model(net);
      await session?.release();
      session = await ort.InferenceSession.create(m.file, { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 });
      [width, last, made] = [m.in, net, {}];
    }
    made[batch] ||= Array.from({ length: Math.max(1, Math.min(8, Math.floor(1024 / batch))) }, () => ({
      x: new ort.Tensor("float32", Float32Array.from({ length: batch * width }, () => Math.random() * 2 - 1), [+batch, width]),
    }));
    const feeds = made[batch];
    const start = process.hrtime.bigint();
    for (let i = 0; i < calls; i++) await session.run(feeds[i % feeds.length]);
    process.stdout.write(Number(process.hrtime.bigint() - start) / 1e9 + "\n");
  }
}
main().catch(() => process.exit(1));
