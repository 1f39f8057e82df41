import { useEffect, useState } from 'preact/hooks'
import { HelpDialog } from './elements/help-dialog.tsx'
import { TopBar } from './elements/top-bar.tsx'
import { keyOf } from './keys.ts'
import { useUrl } from './navigation.ts'
import type { UrlState } from './url-state.ts'
import { ProfileView } from './views/profile-view.tsx'
import { ServiceView } from './views/service-view.tsx'
import { ServicesView } from './views/services-view.tsx'
import { TypeChoice } from './views/type-choice.tsx'
import { findService, useServices } from './views/use-service.ts'

/** The page an address names, under the bar that all of them share. */
export function App() {
  const state = useUrl()
  // One clock for everything on screen: graph, table and timeline show the same range until reload.
  const [nowMs, setNowMs] = useState(Date.now)
  const [help, setHelp] = useState(false)
  const services = useServices(state, nowMs)

  useEffect(() => {
    document.title = titleOf(state)
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

  const view = { state, services, nowMs }
  return (
    <>
      <TopBar
        state={state}
        nowMs={nowMs}
        onRefresh={() => setNowMs(Date.now())}
        onHelp={() => setHelp(true)}
      >
        {state.page !== 'services' && (
          <TypeChoice state={state} service={findService(services.value, state.service)} />
        )}
      </TopBar>
      {state.page === 'services' && <ServicesView {...view} />}
      {state.page === 'service' && <ServiceView {...view} />}
      {(state.page === 'flame' || state.page === 'diff') && <ProfileView {...view} />}
      <HelpDialog open={help} onClose={() => setHelp(false)} />
    </>
  )
}

function titleOf(state: UrlState): string {
  if (state.page === 'services') return 'Services – Flamewatch'
  const what = { service: '', flame: ' flame graph', diff: ' comparison' }[state.page]
  return `${state.service}${what} – Flamewatch`
}
