import { render } from 'preact'
import { App } from './app.tsx'
import { followLinks } from './navigation.ts'
import { watchTheme } from './theme.ts'

watchTheme()
document.addEventListener('click', followLinks)
const page = document.getElementById('page')
if (page) render(<App />, page)
