/*
 * A game: stars that attract each other, sixty steady frames a second in a window, each with 19/20 of its time of work.
 *
 * Draws as programs without a graphics card do, in memory that it shares with the X server: next to nothing passes
 * through its connection, so that only the focus tells a game from a process that spins. Escape takes its window away,
 * as quitting does; the game's loop goes on without it, as that of one which hangs at its end.
 */
#define _DEFAULT_SOURCE
#include <X11/Xlib.h>
#include <X11/Xutil.h>
#include <X11/extensions/XShm.h>
#include <X11/keysym.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <time.h>

enum { WIDTH = 640, HEIGHT = 480, STARS = 256, FRAME_NS = 1000000000 / 60 };

struct star {
	float x, y, vx, vy;
};

static struct star stars[STARS];

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void move(float step_s)
{
	for (int i = 0; i < STARS; i++)
		for (int j = 0; j < STARS; j++) {
			float dx = stars[j].x - stars[i].x, dy = stars[j].y - stars[i].y;
			float far = dx * dx + dy * dy + 100.0f;
			float pull = 2000.0f * step_s / (far * sqrtf(far));

			stars[i].vx += dx * pull;
			stars[i].vy += dy * pull;
		}
	for (int i = 0; i < STARS; i++) {
		stars[i].x += stars[i].vx * step_s;
		stars[i].y += stars[i].vy * step_s;
	}
}

static void paint(uint32_t *pixels)
{
	memset(pixels, 0, WIDTH * HEIGHT * sizeof(*pixels));
	for (int i = 0; i < STARS; i++)
		if (stars[i].x >= 0 && stars[i].x < WIDTH && stars[i].y >= 0 && stars[i].y < HEIGHT)
			pixels[(int)stars[i].y * WIDTH + (int)stars[i].x] = 0xffffff;
}

int main(void)
{
	Display *display = XOpenDisplay(NULL);
	if (!display || !XShmQueryExtension(display)) {
		fputs("game: no X server with MIT-SHM\n", stderr);
		return 1;
	}
	int screen = DefaultScreen(display);
	Window window = XCreateSimpleWindow(display, DefaultRootWindow(display), 0, 0, WIDTH, HEIGHT, 0, 0, 0);
	XShmSegmentInfo shared = { 0 };
	XImage *image = XShmCreateImage(display, DefaultVisual(display, screen), DefaultDepth(display, screen), ZPixmap,
					NULL, &shared, WIDTH, HEIGHT);
	shared.shmid = shmget(IPC_PRIVATE, (size_t)image->bytes_per_line * HEIGHT, IPC_CREAT | 0600);
	shared.shmaddr = image->data = shmat(shared.shmid, NULL, 0);
	XShmAttach(display, &shared);
	XStoreName(display, window, "Stars");
	XSelectInput(display, window, KeyPressMask);
	XMapWindow(display, window);
	XSync(display, False);
	shmctl(shared.shmid, IPC_RMID, NULL); /* goes away with the last of the two */
	for (int i = 0; i < STARS; i++)
		stars[i] = (struct star){ rand() % WIDTH, rand() % HEIGHT, 0, 0 };
	for (int64_t due_ns = now_ns();; due_ns += FRAME_NS) {
		while (window && XPending(display)) {
			XEvent event;

			XNextEvent(display, &event);
			if (event.type == KeyPress && XLookupKeysym(&event.xkey, 0) == XK_Escape) {
				XDestroyWindow(display, window);
				XFlush(display);
				window = None;
			}
		}
		while (now_ns() < due_ns + FRAME_NS / 20 * 19)
			move(0.001f);
		paint((uint32_t *)image->data);
		if (window) {
			XShmPutImage(display, window, DefaultGC(display, screen), image, 0, 0, 0, 0, WIDTH, HEIGHT, False);
			XFlush(display);
		}
		int64_t left_ns = due_ns + FRAME_NS - now_ns();
		if (left_ns > 0)
			nanosleep(&(struct timespec){ 0, left_ns }, NULL);
		else
			due_ns -= left_ns; /* frames that were missed aren't made up for */
	}
}
