// Makes every server of a Node process listen on 127.0.0.1: `node --require ./loopback.cjs …`.
const net = require("net");
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (first, ...rest) {
  const host = "127.0.0.1";
  if (typeof first === "number") {
    const ready = rest.filter((argument) => typeof argument === "function");
    return listen.call(this, { port: first, host }, ...ready);
  }
  const isPort = first && typeof first === "object" && "port" in first;
  return listen.call(this, isPort ? { ...first, host } : first, ...rest);
};
