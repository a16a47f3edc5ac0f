// Routes of a small server: a lookup that waits, JSON, a page that is rendered.
const users = new Map(
  Array.from({ length: 1000 }, (_, n) => [`${n}`, { id: n, name: `user ${n}`, tags: ['a', 'b'] }]),
)

export const app = {
  async find(id) {
    await null
    return users.get(id)
  },
  render(user) {
    const rows = Array.from({ length: 20 }, (_, n) => `<tr><td>${n}</td><td>${user.name}</td></tr>`)
    return `<table>${rows.join('')}</table>`
  },
  async handle(request, response) {
    const [, kind, id] = request.url.split('/')
    const user = await app.find(id)
    if (!user) return response.writeHead(404).end()
    response.setHeader('content-type', kind === 'users' ? 'application/json' : 'text/html')
    return response.end(kind === 'users' ? JSON.stringify(user) : app.render(user))
  },
}
