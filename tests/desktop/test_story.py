"""The whole app on a real desktop: what a person sees, presses, and what happens then."""

import signal

from tests.desktop.conftest import MakeDesk, Scene


def test_a_runaway_is_named_and_the_stop_button_ends_it(scene: Scene) -> None:
    app = scene.start_app("--hidden")
    scene.wait_for_icon()
    runaway = scene.start_runaway()
    scene.until(lambda: scene.notified(r'string "spinner [^"]*cores?'), "a notification names the process")
    scene.until(scene.notification, "it is on the screen")
    scene.picture("notification")
    scene.press("Stop", "spinner")
    assert scene.until(runaway.poll, "the process ends") == -signal.SIGTERM
    assert 'string "stop"' in scene.bus_log
    scene.until(lambda: scene.notified(r"uint32 [1-9]\d*.*spinner|spinner.*(ended|back|stopped|gone)"), "it is over")
    scene.picture("notification-resolved")
    app.terminate()
    assert app.wait(60) == 0


def test_the_icon_waits_for_a_panel_that_comes_later_and_survives_its_restart(make_scene: MakeDesk) -> None:
    scene = make_scene(panel=False)
    app = scene.start_app("--hidden")
    scene.until(lambda: scene.desk.owner_of("io.github.smoothtask.SmoothTask"), "the app runs")
    for _ in range(2):
        scene.desk.start("panel")
        scene.wait_for_icon()
        scene.desk.stop("panel")
        scene.desk.wait_for_name("org.kde.StatusNotifierWatcher", owned=False)
    assert app.poll() is None


def test_the_menu_opens_the_window_and_quits_the_app(scene: Scene) -> None:
    app = scene.start_app("--hidden")
    scene.wait_for_icon()
    assert scene.main_window() is None
    scene.open_menu()
    scene.picture("menu")
    scene.press_keys("Down", "Return")
    scene.until(scene.main_window, "the window opens")
    scene.open_menu()
    scene.press_keys("Up", "Return")
    assert scene.until(lambda: app.poll() is not None, "the app ends")
    assert app.returncode == 0


def test_an_open_alert_can_be_acted_on_from_the_menu(make_scene: MakeDesk) -> None:
    scene = make_scene(notify="none")
    scene.start_app("--hidden")
    scene.wait_for_icon()
    runaway = scene.start_runaway()
    scene.until(lambda: scene.recorded("spinner"), "the alert is open")
    scene.open_menu()
    scene.press_keys("Down", "Down", "Right")
    scene.picture("menu-alert")
    scene.press_keys("Down", "Return")
    assert scene.until(runaway.poll, "the process ends") == -signal.SIGTERM
    assert "No notification service answers" in scene.said()


def test_a_second_start_raises_the_window_and_leaves(scene: Scene) -> None:
    first = scene.start_app("--hidden")
    scene.wait_for_icon()
    second = scene.start_app()
    assert second.wait(20) == 0
    scene.until(scene.main_window, "the first one's window opens")
    scene.picture("window")
    assert first.poll() is None


def test_without_tray_and_notifications_the_window_is_there_and_closing_it_ends_the_app(
    make_scene: MakeDesk,
) -> None:
    scene = make_scene(panel=False, notify="none")
    app = scene.start_app()
    window = scene.until(scene.main_window, "the window opens")
    scene.desk.run(["xdotool", "windowfocus", "--sync", str(window), "key", "ctrl+w"])
    assert app.wait(20) == 0


def test_without_a_session_bus_the_app_works_and_stays_single(make_scene: MakeDesk) -> None:
    scene = make_scene(panel=False, notify="none")
    nowhere = {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent"}
    first = scene.start_app(**nowhere)
    scene.until(scene.main_window, "the window opens")
    assert scene.start_app(**nowhere).wait(20) == 0
    assert "No notifications: the session bus can't be reached" in scene.said()
    first.send_signal(signal.SIGINT)
    assert first.wait(20) == 0


def test_alerts_from_before_the_notification_service_came_are_shown_then(make_scene: MakeDesk) -> None:
    scene = make_scene(notify="none")
    scene.start_app("--hidden")
    scene.wait_for_icon()
    scene.start_runaway()
    scene.until(lambda: scene.recorded("spinner"), "the alert is open")
    scene.desk.start("xfce4-notifyd")
    scene.until(scene.notification, "the alert is shown by the service that came")
