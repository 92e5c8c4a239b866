// A plain JSON relay as it is usually written: daemons send {session, …}, every app that asked for a session gets it.
// It parses and serializes, stores nothing, seals nothing. Prints its port.
import { WebSocketServer } from "ws";

const watchers = new Map();
const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });

server.on("connection", (socket) => {
  socket.on("message", (data) => {
    const message = JSON.parse(data);
    if (message.type === "watch") {
      for (const session of message.sessions) {
        if (!watchers.has(session)) watchers.set(session, new Set());
        watchers.get(session).add(socket);
      }
      return;
    }
    const text = JSON.stringify(message);
    for (const watcher of watchers.get(message.session) ?? []) watcher.send(text);
  });
  socket.on("close", () => {
    for (const sockets of watchers.values()) sockets.delete(socket);
  });
});
server.on("listening", () => console.log(JSON.stringify({ port: server.address().port })));
process.on("SIGTERM", () => process.exit(0));
