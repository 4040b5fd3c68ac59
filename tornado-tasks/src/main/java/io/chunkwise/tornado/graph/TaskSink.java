package io.chunkwise.tornado.graph;

import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task10;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task11;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task12;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task13;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task14;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task15;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task16;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task17;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task18;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task19;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task20;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task4;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task5;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task6;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task7;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task8;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task9;

/**
 * Takes tasks, each with its grid. {@code kernel} is a bare reference to a static method: TornadoVM looks for the method
 * behind it. There are no more than 20 arguments, which
 * TornadoVM takes since 5.2.
 */
interface TaskSink {

    <T1, T2, T3, T4> void task(String id, Launch launch, Task4<T1, T2, T3, T4> kernel,
            T1 a1, T2 a2, T3 a3, T4 a4);

    <T1, T2, T3, T4, T5> void task(String id, Launch launch, Task5<T1, T2, T3, T4, T5> kernel,
            T1 a1, T2 a2, T3 a3, T4 a4, T5 a5);

    <T1, T2, T3, T4, T5, T6> void task(String id, Launch launch, Task6<T1, T2, T3, T4, T5, T6> kernel,
            T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6);

    <T1, T2, T3, T4, T5, T6, T7> void task(String id, Launch launch, Task7<T1, T2, T3, T4, T5, T6, T7> kernel,
            T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6, T7 a7);

    <T1, T2, T3, T4, T5, T6, T7, T8> void task(String id, Launch launch, Task8<T1, T2, T3, T4, T5, T6, T7, T8> kernel,
            T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6, T7 a7, T8 a8);

    <T1, T2, T3, T4, T5, T6, T7, T8, T9> void task(String id, Launch launch, Task9<T1, T2, T3, T4, T5, T6, T7, T8, T9> kernel,
            T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6, T7 a7, T8 a8, T9 a9);

    <T1, T2, T3, T4, T5, T6, T7, T8, T9, T10> void task(String id, Launch launch, Task10<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10> kernel,
            T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6, T7 a7, T8 a8, T9 a9, T10 a10);

    <T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11> void task(String id, Launch launch, Task11<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10,
            T11> kernel,
            T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6, T7 a7, T8 a8, T9 a9, T10 a10, T11 a11);

    <T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12> void task(String id, Launch launch, Task12<T1, T2, T3, T4, T5, T6, T7, T8, T9,
            T10, T11, T12> kernel,
            T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6, T7 a7, T8 a8, T9 a9, T10 a10, T11 a11, T12 a12);

    <T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13> void task(String id, Launch launch, Task13<T1, T2, T3, T4, T5, T6, T7, T8,
            T9, T10, T11, T12, T13> kernel,
            T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6, T7 a7, T8 a8, T9 a9, T10 a10, T11 a11, T12 a12, T13 a13);

    <T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14> void task(String id, Launch launch, Task14<T1, T2, T3, T4, T5, T6, T7,
            T8, T9, T10, T11, T12, T13, T14> kernel,
            T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6, T7 a7, T8 a8, T9 a9, T10 a10, T11 a11, T12 a12, T13 a13, T14 a14);

    <T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15> void task(String id, Launch launch, Task15<T1, T2, T3, T4, T5, T6,
            T7, T8, T9, T10, T11, T12, T13, T14, T15> kernel,
            T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6, T7 a7, T8 a8, T9 a9, T10 a10, T11 a11, T12 a12, T13 a13, T14 a14, T15 a15);

    <T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15, T16> void task(String id, Launch launch, Task16<T1, T2, T3, T4,
            T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15, T16> kernel, T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6, T7 a7, T8 a8, T9 a9,
            T10 a10, T11 a11, T12 a12, T13 a13, T14 a14, T15 a15, T16 a16);

    <T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15, T16, T17> void task(String id, Launch launch, Task17<T1, T2, T3,
            T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15, T16, T17> kernel, T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6, T7 a7,
            T8 a8, T9 a9, T10 a10, T11 a11, T12 a12, T13 a13, T14 a14, T15 a15, T16 a16, T17 a17);

    <T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15, T16, T17, T18> void task(String id, Launch launch, Task18<T1, T2,
            T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15, T16, T17, T18> kernel, T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6,
            T7 a7, T8 a8, T9 a9, T10 a10, T11 a11, T12 a12, T13 a13, T14 a14, T15 a15, T16 a16, T17 a17, T18 a18);

    <T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15, T16, T17, T18, T19> void task(String id, Launch launch, Task19<T1,
            T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15, T16, T17, T18, T19> kernel, T1 a1, T2 a2, T3 a3, T4 a4, T5 a5,
            T6 a6, T7 a7, T8 a8, T9 a9, T10 a10, T11 a11, T12 a12, T13 a13, T14 a14, T15 a15, T16 a16, T17 a17, T18 a18, T19 a19);

    <T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15, T16, T17, T18, T19, T20> void task(String id, Launch launch,
            Task20<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15, T16, T17, T18, T19, T20> kernel, T1 a1, T2 a2,
            T3 a3, T4 a4, T5 a5, T6 a6, T7 a7, T8 a8, T9 a9, T10 a10, T11 a11, T12 a12, T13 a13, T14 a14, T15 a15, T16 a16, T17 a17,
            T18 a18, T19 a19, T20 a20);
}
