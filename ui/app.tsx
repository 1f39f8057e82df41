import { useEffect, useState } from 'preact/hooks'
import { announce } from './announce.ts'
import { TopBar } from './elements/top-bar.tsx'
import { keyOf } from './keys.ts'
import { lazy } from './lazy.tsx'
import { useUrl } from './navigation.ts'
import type { UrlState } from './url-state.ts'
import { ServicesView } from './views/services-view.tsx'
import { TypeChoice } from './views/type-choice.tsx'
import { findService, useServices } from './views/use-service.ts'

// The first page needs a third of the code; the rest comes while it is being read.
const HelpDialog = lazy(async () => (await import('./elements/help-dialog.tsx')).HelpDialog)
const ServiceView = lazy(async () => (await import('./views/service-view.tsx')).ServiceView)
const ProfileView = lazy(async () => (await import('./views/profile-view.tsx')).ProfileView)

/** The page an address names, under the bar that all of them share. */
export function App() {
  const state = useUrl()
  // One clock for everything on screen: graph, table and timeline show the same range until reload.
  const [nowMs, setNowMs] = useState(Date.now)
  const [help, setHelp] = useState(false)
  const services = useServices(state, nowMs)

  useEffect(() => {
    document.title = titleOf(state)
    announce(document.title)
  }, [state.page, state.service])
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (keyOf(event) !== '?') return
      event.preventDefault()
      setHelp(true)
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [])

  useEffect(() => {
    const timer = setTimeout(() => {
      ServiceView.load()
      ProfileView.load()
    }, 500)
    return () => clearTimeout(timer)
  }, [])

  const reload = (): void => setNowMs(Date.now())
  const view = { state, services, nowMs }
  return (
    <>
      <TopBar state={state} nowMs={nowMs} onRefresh={reload} onHelp={() => setHelp(true)}>
        {state.page !== 'services' && (
          <TypeChoice state={state} service={findService(services.value, state.service)} />
        )}
      </TopBar>
      {state.page === 'services' && <ServicesView {...view} onReload={reload} />}
      {state.page === 'service' && <ServiceView.View {...view} />}
      {(state.page === 'flame' || state.page === 'diff') && <ProfileView.View {...view} />}
      {help && <HelpDialog.View onClose={() => setHelp(false)} />}
    </>
  )
}

function titleOf(state: UrlState): string {
  if (state.page === 'services') return 'Services – Flamewatch'
  const what = { service: '', flame: ' flame graph', diff: ' comparison' }[state.page]
  return `${state.service}${what} – Flamewatch`
}
